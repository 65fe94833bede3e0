/*
 * Gives a process a wrong wall clock, when it is loaded by LD_PRELOAD.
 *
 * CLOCK_AHEAD_SECONDS says by how much the clock is ahead, from the start on. CLOCK_AHEAD_FILE names a file that
 * says the same, as eight bytes of a signed integer that may change at any time; both are added up. Clocks that
 * measure spans are right.
 *
 * There is nothing that the end of a process takes down: other threads may ask for the time until the last moment.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t NEVER_AHEAD = 0;
static volatile const int64_t *file_seconds = &NEVER_AHEAD;
static int64_t own_seconds = 0;

__attribute__((constructor)) static void set_up(void) {
  const char *seconds = getenv("CLOCK_AHEAD_SECONDS");
  if (seconds != NULL) own_seconds = strtoll(seconds, NULL, 10);
  const char *path = getenv("CLOCK_AHEAD_FILE");
  if (path == NULL) return;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) _exit(127);
  void *memory = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) _exit(127);
  close(file);
  file_seconds = memory;
}

static int64_t seconds_ahead(void) {
  return own_seconds + *file_seconds;
}

/* The C library's own clock is behind these names, so the kernel is asked. */
int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += seconds_ahead();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now != NULL) *now = precise.tv_sec;
  return precise.tv_sec;
}
