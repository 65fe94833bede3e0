"""Load on `listen://` or on the reference bus: senders with think time, in steps of more and more of them.

    LOAD_TARGET=listen locust -f locustfile.py --headless --host http://127.0.0.1:8086 --html report.html

`--html` writes a report with plots. Variables, each with its default:

    LOAD_TARGET=listen          the target: listen (JSON and line protocol), or bus (JSON, and reading)
    LOAD_USERS=25,50,100,200    users of each step
    LOAD_STEP_SECONDS=20        length of a step; its first quarter, in which users begin, is not counted
    LOAD_EVENTS=100             events of a request
    LOAD_THINK_SECONDS=0.1      think time after each answer: so long, up to twice of it
    LOAD_PID=                   a process on this host whose use of a processor is measured, too
    LOAD_FIGURES=               a file for the figures of the steps, as JSON
    VABUS_TOKEN=                the token of the target
"""

import json
import os
import random
import time

from locust import FastHttpUser, LoadTestShape, between, events, task

USERS = [int(users) for users in os.environ.get("LOAD_USERS", "25,50,100,200").split(",")]
STEP_SECONDS = float(os.environ.get("LOAD_STEP_SECONDS", "20"))
EVENTS = int(os.environ.get("LOAD_EVENTS", "100"))
THINK_SECONDS = float(os.environ.get("LOAD_THINK_SECONDS", "0.1"))
TARGET_PID = os.environ.get("LOAD_PID")
FIGURES_PATH = os.environ.get("LOAD_FIGURES")
TOKEN = os.environ.get("VABUS_TOKEN")
IS_BUS = os.environ.get("LOAD_TARGET", "listen") == "bus"
SERIES = 1000
WARM_UP_SHARE = 0.25
READ_LIMIT = 1000

random.seed(1)


def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Step:
    """What was measured of one number of users, from the end of the warm-up to the end of the step."""

    def __init__(self, users):
        self.users = users
        self.begun = time.monotonic()
        self.cpu_begun = self.cpu()
        self.times_ms = {}
        self.failures = {}

    def cpu(self):
        pids = {"locust": os.getpid()} | ({"target": TARGET_PID} if TARGET_PID else {})
        return {who: cpu_seconds(pid) for who, pid in pids.items()}

    def figures(self):
        seconds = time.monotonic() - self.begun
        ended = self.cpu()
        return {
            "users": self.users,
            "seconds": seconds,
            "cpu": {who: (ended[who] - self.cpu_begun[who]) / seconds for who in ended},
            "requests": {
                name: {
                    "count": len(times),
                    "failed": self.failures.get(name, 0),
                    "p50_ms": percentile(times, 0.5),
                    "p99_ms": percentile(times, 0.99),
                }
                for name, times in sorted(self.times_ms.items())
            },
        }


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Steps(LoadTestShape):
    """More users with each step. The figures of the steps are in `done`."""

    current = None
    done = []
    # Events that were answered as taken, in all steps and their warm-ups.
    taken = 0

    def tick(self):
        passed = self.get_run_time()
        index = int(passed / STEP_SECONDS)
        is_measured = passed / STEP_SECONDS - index >= WARM_UP_SHARE
        if Steps.current and (index >= len(USERS) or Steps.current.users != USERS[index]):
            Steps.done.append(Steps.current.figures())
            Steps.current = None
        if index >= len(USERS):
            return None
        if is_measured and Steps.current is None:
            Steps.current = Step(USERS[index])
        return USERS[index], max(1, USERS[index] / (STEP_SECONDS * WARM_UP_SHARE / 2))


@events.request.add_listener
def record(name, response_time, exception, **_):
    step = Steps.current
    if step is None:
        return
    step.times_ms.setdefault(name, []).append(response_time)
    if exception:
        step.failures[name] = step.failures.get(name, 0) + 1


@events.quitting.add_listener
def write_figures(**_):
    if FIGURES_PATH:
        with open(FIGURES_PATH, "w") as file:
            json.dump({"taken": Steps.taken, "events": EVENTS, "steps": Steps.done}, file)


class Sender(FastHttpUser):
    wait_time = between(THINK_SECONDS, 2 * THINK_SECONDS)
    default_headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}

    def on_start(self):
        # A user is a device: the same series each time. What is the same in each request is made once.
        series = [random.randrange(SERIES) for _ in range(EVENTS)]
        self.json_body = "[" + ",".join(
            f'{{"name":"load.{number}","agg_func":"avg","value":{number},"timestamp":TIME}}' for number in series
        ) + "]"
        self.lines = "\n".join(f"load,line={number} value={number} TIME" for number in series)
        self.offset = 0

    @task(2)
    def send_json(self):
        body = self.json_body.replace("TIME", f"{time.time():.3f}")
        self.send("/events", body, {"Content-Type": "application/json"}, 202)

    if IS_BUS:

        @task(1)
        def read(self):
            with self.client.get(
                f"/events?offset={self.offset}&limit={READ_LIMIT}", name="GET /events", catch_response=True
            ) as reply:
                if reply.status_code == 200:
                    self.offset = reply.json()["next"]
                elif reply.status_code == 410:
                    self.offset = reply.json()["first"]
                    reply.success()

    else:

        @task(2)
        def send_lines(self):
            body = self.lines.replace("TIME", str(int(time.time() * 1000)))
            self.send("/write?precision=ms", body, {}, 204)

    def send(self, path, body, headers, status):
        name = f"POST {path.partition('?')[0]}"
        with self.client.post(path, data=body, headers=headers, name=name, catch_response=True) as reply:
            if reply.status_code == status:
                Steps.taken += EVENTS
                reply.success()
            else:
                reply.failure(f"answered {reply.status_code}, not {status}")
