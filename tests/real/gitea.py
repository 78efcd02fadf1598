"""A real Gitea on loopback, with users, tokens, and a repository whose workflow is pushed with git."""

import os
import pathlib
import subprocess

from programs import Http, Program, free_ports, wait_until

ADMIN = "keeper"
SETTINGS = """\
APP_NAME = gitea
RUN_MODE = prod
RUN_USER = {user}
WORK_PATH = {folder}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
DOMAIN = 127.0.0.1
ROOT_URL = {url}/
LOCAL_ROOT_URL = {url}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
INTERNAL_TOKEN = {internal}
PASSWORD_HASH_ALGO = pbkdf2_v1
[oauth2]
ENABLED = false
[service]
DISABLE_REGISTRATION = true
[mailer]
ENABLED = false
[actions]
ENABLED = true
DEFAULT_ACTIONS_URL = self
[indexer]
ISSUE_INDEXER_TYPE = db
REPO_INDEXER_ENABLED = false
[cron.update_checker]
ENABLED = false
[session]
PROVIDER = memory
[log]
MODE = file
LEVEL = info
ROOT_PATH = {folder}/log
[repository]
DEFAULT_BRANCH = main
"""


class Gitea:
    """Starts it in `folder` from the program in `programs`; ends with end()."""

    def __init__(self, folder, programs):
        self.folder = pathlib.Path(folder)
        self.binary = programs / "gitea"
        for name in ("conf", "log", "home"):
            (self.folder / name).mkdir(parents=True)
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        self.settings = self.folder / "conf" / "app.ini"
        self.environment = dict(os.environ, HOME=str(self.folder / "home"), GITEA_WORK_DIR=str(self.folder))
        internal = self._ask("generate", "secret", "INTERNAL_TOKEN", settings=False)
        self.settings.write_text(SETTINGS.format(
            user=subprocess.check_output(["id", "-un"], text=True).strip(), folder=self.folder, port=port,
            url=self.url, static=programs / "static", secret=os.urandom(32).hex(), internal=internal))
        self.settings.chmod(0o600)
        self.program = Program("gitea", [self.binary, "web", "-c", self.settings, "-w", self.folder],
                               self.folder / "log" / "stdout.log", self.environment)
        http = Http(self.url)
        wait_until("gitea answers", lambda: http.request("GET", "/api/healthz").status == 200, 90,
                   alive=[self.program])
        self.password = os.urandom(12).hex()
        self._ask("admin", "user", "create", "--username", ADMIN, "--password", self.password, "--email",
                  "keeper@example.invalid", "--admin", "--must-change-password=false")
        self.all_token = self.token("all", "all")
        self.api = Http(self.url + "/api/v1", self.all_token, "token")

    def _ask(self, *arguments, settings=True):
        where = ["-c", str(self.settings), "-w", str(self.folder)] if settings else []
        run = subprocess.run([str(self.binary), *arguments, *where], env=self.environment, capture_output=True,
                             text=True, check=False, timeout=60)
        if run.returncode != 0:
            raise ValueError(f"gitea {arguments[0]} {arguments[1]}: {run.stdout}{run.stderr}")
        return run.stdout.strip().splitlines()[-1]

    def token(self, name, scopes):
        """A new access token of the administrator."""
        return self._ask("admin", "user", "generate-access-token", "--username", ADMIN, "--token-name", name,
                         "--scopes", scopes, "--raw")

    def registration_token(self):
        return self.api.send("POST", "/admin/actions/runners/registration-token")["token"]

    def push(self, owner, name, files):
        """Makes the organisation and the repository, and pushes `files` (path: text) to main."""
        self.api.send("POST", "/orgs", {"username": owner})
        self.api.send("POST", f"/orgs/{owner}/repos", {"name": name, "auto_init": False, "private": False})
        tree = self.folder / "push" / name
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        # The token travels in git's environment, not in its arguments.
        environment = dict(
            self.environment, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="A Developer", GIT_COMMITTER_NAME="A Developer",
            GIT_AUTHOR_EMAIL="dev@example.invalid", GIT_COMMITTER_EMAIL="dev@example.invalid",
            GIT_TERMINAL_PROMPT="0", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="http.extraHeader",
            GIT_CONFIG_VALUE_0=f"Authorization: token {self.all_token}")
        for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Add the workflow"],
                          ["push", "-q", f"{self.url}/{owner}/{name}.git", "main"]):
            run = subprocess.run(["git", *arguments], cwd=tree, env=environment, capture_output=True, text=True,
                                 check=False, timeout=60)
            if run.returncode != 0:
                raise ValueError(f"git {arguments[0]}: {run.stdout}{run.stderr}")

    def jobs(self):
        """All jobs of the server, by name."""
        jobs, page = [], 1
        while True:
            answer = self.api.get(f"/admin/actions/jobs?limit=50&page={page}")
            jobs += answer["jobs"] or []
            if len(jobs) >= answer["total_count"] or not answer["jobs"]:
                return {job["name"]: job for job in jobs}
            page += 1

    def runners(self):
        return self.api.get("/admin/actions/runners?limit=50")["runners"] or []

    def end(self):
        self.program.end(20)
