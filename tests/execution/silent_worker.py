"""A worker that imports nothing heavy: it does what the name of a job's folder says, by the protocol of real ones.

Tests of the coordinator's side put it where the executor looks for its worker; `Setup` and `job_message` are not
needed there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def main(descriptor: int) -> None:
    setup = json.loads(sys.stdin.readline())
    if setup["device"] == "broken":
        raise SystemExit("no such device")
    if setup["device"] == "slow":
        time.sleep(600)
    messages = os.fdopen(descriptor, "w")

    def send(kind: str, **content: Any) -> None:
        messages.write(json.dumps({"kind": kind, **content}) + "\n")
        messages.flush()

    send("ready")
    for line in sys.stdin:
        job = json.loads(line)
        send("started")
        folder = Path(job["folder"])
        result: dict[str, Any] = {"status": "ok", "n": os.getpid(), "batch_size": job["batch_size"]}
        left_behind, spoilt = 0, False
        match folder.name.partition("-")[0]:
            case "kill":
                (folder / "half").mkdir()
                (folder / "half" / "written").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            case "segfault":
                (folder / "half.parquet").touch()
                os.kill(os.getpid(), signal.SIGSEGV)
            case "terminate":
                os.kill(os.getpid(), signal.SIGTERM)
            case "exit":
                os._exit(3)
            case "hang":
                time.sleep(600)
            case "ignore":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(600)
            case "wait":
                for _ in range(12):
                    time.sleep(0.1)
                    send("progress", what="waiting for another", done=0, total=0)
            case "progress":
                send("progress", what="", done=1, total=2)
            case "print":
                print("printed", flush=True)
                result["traceback"] = "and raised"
            case "left":
                left_behind = 2
            case "spoilt":
                spoilt = True
            case "fatal":
                send("fatal", message="the disk is full")
                time.sleep(600)
            case "orphan" | "orphan_crash":
                command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
                child = subprocess.Popen(command, start_new_session=True)
                (folder / "pid").write_text(str(child.pid))
                result["status"] = "oom"
                if folder.name.startswith("orphan_crash"):
                    os.kill(os.getpid(), signal.SIGSEGV)
            case "garbage":
                os.write(descriptor, b"\xff no message\n")
                time.sleep(600)
            case "number":
                os.write(descriptor, b"3\n")
                time.sleep(600)
            case "odd_progress":
                send("progress", what=[], done="half", total=None)
                time.sleep(600)
            case "odd_result":
                send("ended", result={"status": "splendid"}, left_behind=0)
                time.sleep(600)
            case "odd_cost":
                send("ended", result={"status": "ok", "cost": {"effort": "much"}}, left_behind=0)
                time.sleep(600)
            case "twice":
                send("ended", result=result, left_behind=0, spoilt=False)
            case "gone":
                folder.rmdir()
            case "log_folder":
                (folder / "log.txt").mkdir()
            case "last":
                send("ended", result=result, left_behind=0, spoilt=False)
                os._exit(0)
            case status:
                result["status"] = status
        send("ended", result=result, left_behind=left_behind, spoilt=spoilt)
