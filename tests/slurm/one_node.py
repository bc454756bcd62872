"""A real Slurm of one node, up for as long as a test or a command lasts: munge, slurmctld, slurmd and a stand-in GPU.

    python tests/slurm/one_node.py snakemake --profile tests/slurm/site --workflow-profile profiles/slurm

It needs root and Debian's packages slurmctld, slurmd, slurm-client and munge. A machine that has a slurm.conf is left alone.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

# Job steps read this path whatever SLURM_CONF says. Left behind without a controller, it would cost every snakemake 11 seconds.
CONFIG = Path("/etc/slurm/slurm.conf")
GPUS = Path("/etc/slurm/gres.conf")
MARK = "# Of tests/slurm/one_node.py, which removes it when it ends."
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "setpriv")
SLURM_CONF = """{mark}
ClusterName={cluster}
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/pgid
TaskPlugin=task/none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 Gres=gpu:1
PartitionName=main Nodes=ALL Default=YES
"""


def why_not() -> str | None:
    """Return the reason why Slurm cannot be brought up here, if there is one."""
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (apt-get install slurmctld slurmd slurm-client munge)"
    if any(path.exists() and not path.read_text().startswith(MARK) for path in (CONFIG, GPUS)):
        return f"this machine has a Slurm of its own ({CONFIG})"
    running = re.search(r"ClusterName=tests(\d+)", CONFIG.read_text()) if CONFIG.exists() else None
    if running and Path(f"/proc/{running[1]}").exists():
        return f"process {running[1]} runs one already"
    return None


class OneNodeSlurm:
    """The three daemons, as a context manager. They end with this process, even if it is killed."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="one-node-slurm-"))
        self.cluster = f"tests{os.getpid()}"
        self.daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "OneNodeSlurm":
        try:
            (self.folder / "state").mkdir()
            CONFIG.write_text(SLURM_CONF.format(mark=MARK, cluster=self.cluster, host=socket.gethostname(), folder=self.folder))
            GPUS.write_text(f"{MARK}\nName=gpu File=/dev/null\n")
            shutil.rmtree("/run/munge", ignore_errors=True)
            Path("/run/munge").mkdir(mode=0o755)
            shutil.chown("/run/munge", "munge", "munge")
            self.start("munged", "--foreground", user="munge")
            self.start("slurmctld", "-D")
            self.start("slurmd", "-D")
            self.wait_for_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception) -> None:
        try:
            if "slurmctld" in self.daemons:
                subprocess.run(["scancel", "--partition", "main"], timeout=60, check=False)
                self._wait(lambda: not self.jobs(), "the end of all jobs")
        finally:
            for name in reversed(list(self.daemons)):
                self.stop(name)
            CONFIG.unlink(missing_ok=True)
            GPUS.unlink(missing_ok=True)
            self._kill_strays()
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, *options: str, user: str = "root") -> None:
        """Start a daemon in the foreground; the kernel ends it with the thread that calls this."""
        account = ["--reuid", user, "--regid", user, "--init-groups"] if user != "root" else []
        log = (self.folder / f"{name}.log").open("ab")
        command = ["setpriv", *account, "--pdeathsig", "TERM", shutil.which(name), *options]
        self.daemons[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, name: str, kill: bool = False) -> None:
        """End a daemon, by SIGKILL if asked to; the jobs that slurmd started go on."""
        daemon = self.daemons.pop(name)
        daemon.kill() if kill else daemon.terminate()
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def wait_for_node(self) -> None:
        """Wait until the node takes jobs."""
        self._wait(lambda: self._ask("sinfo", "--noheader", "--format=%T") in ("idle", "mixed", "allocated"), "an idle node")

    def jobs(self) -> dict[int, str]:
        """Return what snakemake says of the jobs that wait or run, by number."""
        lines = self._ask("squeue", "--noheader", "--format=%i %k").splitlines()
        return {int(number): comment for number, _, comment in (line.partition(" ") for line in lines)}

    def _kill_strays(self) -> None:
        """Kill what jobs have left behind: without control groups, a process that has lost its parents escapes Slurm."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                if f"SLURM_CLUSTER_NAME={self.cluster}\0" in (process / "environ").read_text(errors="replace"):
                    os.kill(int(process.name), signal.SIGKILL)

    def _ask(self, *command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def _wait(self, condition, what: str, seconds: int = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in self.folder.glob("*.log"))
                raise RuntimeError(f"waited {seconds} seconds for {what}\n{logs}")
            time.sleep(0.2)


if __name__ == "__main__":
    if why_not():
        sys.exit(why_not())
    with OneNodeSlurm():
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
