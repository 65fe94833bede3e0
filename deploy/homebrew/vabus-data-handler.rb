class VabusDataHandler < Formula
  desc "Aggregates numeric events at the edge, and loses none"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "@DOWNLOADS@/vabus-data-handler-macos-arm64"
      sha256 "@SHA256_MACOS_ARM64@"
    end
    on_intel do
      url "@DOWNLOADS@/vabus-data-handler-macos-x64"
      sha256 "@SHA256_MACOS_X64@"
    end
  end

  on_linux do
    on_arm do
      url "@DOWNLOADS@/vabus-data-handler-linux-arm64"
      sha256 "@SHA256_LINUX_ARM64@"
    end
    on_intel do
      url "@DOWNLOADS@/vabus-data-handler-linux-x64"
      sha256 "@SHA256_LINUX_X64@"
    end
  end

  resource "commands" do
    url "@DOWNLOADS@/vabus-data-handler.1"
    sha256 "@SHA256_1@"
  end

  resource "settings" do
    url "@DOWNLOADS@/vabus-data-handler.5"
    sha256 "@SHA256_5@"
  end

  resource "env" do
    url "@DOWNLOADS@/vabus-data-handler.env"
    sha256 "@SHA256_ENV@"
  end

  def install
    bin.install Dir["vabus-data-handler-*"].first => "vabus-data-handler"
    chmod 0755, bin/"vabus-data-handler"
    generate_completions_from_executable(bin/"vabus-data-handler", "completion")
    resource("commands").stage { man1.install "vabus-data-handler.1" }
    resource("settings").stage { man5.install "vabus-data-handler.5" }
    # Settings that are there stay.
    resource("env").stage { (etc/"vabus-data-handler").install "vabus-data-handler.env" => "env" }
  end

  def caveats
    <<~EOS
      Say in #{etc}/vabus-data-handler/env where events come from, then:
        vabus-data-handler check --env-file #{etc}/vabus-data-handler/env
        brew services start vabus-data-handler
    EOS
  end

  service do
    run [opt_bin/"vabus-data-handler", "run", "--env-file", etc/"vabus-data-handler/env"]
    # Exit 0 is a stop that was asked for.
    keep_alive successful_exit: false
    environment_variables STATE_DIR: var/"lib/vabus-data-handler"
    log_path var/"log/vabus-data-handler.log"
    error_log_path var/"log/vabus-data-handler.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/vabus-data-handler --version")
  end
end
