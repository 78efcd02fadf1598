/* docs/sandbox.md, printed from the tables; the sentences around them stand here. */
#include "tests/unit/sandbox_page.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/role.h"
#include "common/sandbox_table.h"
#include "common/words.h"

static const struct {
    enum role role;
    const char *title, *text;
} kinds[] = {
    {ROLE_DIALER, "The dialer",
     "It makes the connections of the pollers and the actuator, and hands them over; it reads and "
     "writes on none."},
    {ROLE_POLLER_GITEA, "The pollers",
     "All three have the same list, and none of them makes a socket or connects one."},
    {ROLE_RECONCILER, "The reconciler",
     "No socket, no connection, no file that it could open: what it decides leaves it as "
     "messages."},
    {ROLE_ACTUATOR, "The actuator", "As a poller, and it writes the audit log."},
    {ROLE_MONITOR, "The monitor", "It answers on the listener that it was handed."},
};

bool sandbox_page_has(enum role role)
{
    bool found = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        found = found || kinds[i].role == role ||
                (kinds[i].role == ROLE_POLLER_GITEA && (ROLES_POLLERS & ROLE_BIT(role)) != 0);
    return found;
}

static void print_introduction(FILE *out)
{
    fprintf(
        out,
        "# The sandbox\n\n"
        "Made from `common/sandbox.def` and `common/sandbox_parts.def`; a test holds it to those "
        "tables.\n\n"
        "Each worker is started with its control socket and its log and nothing else. It is handed "
        "its configuration and\ndescriptors of its own files, and then, before the first byte from "
        "outside and before it reads what an earlier one of its\nkind wrote (checkpoint, audit "
        "log), gives up everything that it does not need (`role_enter` in `common/role.h`).\n"
        "From then on it opens nothing: descriptors only arrive, and each is looked at before it "
        "is\nused (a file that can only be read, a connected local socket, a listener, ...).\n\n"
        "All of it is on by default. Each start says in the log, a line a process, what is in "
        "force and what is missing and why.\n`ebbtide check-host` says the same of a machine "
        "beforehand; `--json` is for programs, and with `--config FILE` its exit\nstatus is 1 "
        "where "
        "a part of `sandbox.required` is missing. What `sandbox.required` lists is fatal where it "
        "is missing; the\nrest is only logged.\n\n"
        "## Parts\n\n"
        "| part | what it is | where it cannot be had |\n|---|---|---|\n");
    for (unsigned i = 0; i < sandbox_part_count; i++) {
        const struct sandbox_part_row *part = sandbox_part((enum sandbox_part)i);
        fprintf(out, "| `%s` | %s | %s |\n", part->word, part->doc, part->remedy);
    }
    fprintf(
        out,
        "\nA Debian 12 with its own kernel (6.1) has all but `landlock-tcp` and `landlock-scope`; "
        "`deploy/nftables/ebbtide.nft` fills\nthe first gap by user. The service's systemd unit "
        "can give all the others.\n\n"
        "`sandbox.without` leaves parts out, for a debugger or valgrind (which needs `[limits, "
        "landlock-files, landlock-tcp,\nlandlock-scope, seccomp]`); each start then warns. It "
        "holds "
        "for all processes, since what the supervisor gave up its\nworkers cannot have either.\n");
}

/* ------------------------------------------------------------------------------- the calls */

static void print_row(FILE *out, const struct sandbox_row *row)
{
    fprintf(out, "| `%s`%s%s | %s |\n", row->call, row->words[0] == '\0' ? "" : ": ", row->words,
            row->reason);
}

static bool is_of_every_worker(const struct sandbox_row *row)
{
    return (row->roles & ROLES_WORKERS) == ROLES_WORKERS;
}

/* Rows of this action that are of `role` and not of every worker; role_count: those that are. */
static void print_rows(FILE *out, enum sandbox_action action, enum role role)
{
    size_t count;
    const struct sandbox_row *rows = sandbox_rows(&count);
    for (size_t i = 0; i < count; i++) {
        bool common = is_of_every_worker(&rows[i]);
        bool here = role == role_count ? common : !common && (rows[i].roles & ROLE_BIT(role)) != 0;
        if (rows[i].action == action && here)
            print_row(out, &rows[i]);
    }
}

static void print_roles(FILE *out, uint32_t roles)
{
    const char *between = "";
    if (roles == (ROLES_WORKERS | ROLE_BIT(ROLE_SUPERVISOR)) || roles == ROLES_WORKERS) {
        fprintf(out, roles == ROLES_WORKERS ? "all workers" : "all");
        return;
    }
    for (unsigned role = 0; role < role_count; role++)
        if ((roles & ROLE_BIT(role)) != 0) {
            fprintf(out, "%s%s", between, role_words[role]);
            between = ", ";
        }
}

#define TABLE_HEAD "| call | why |\n|---|---|\n"

static void print_refused(FILE *out)
{
    size_t count;
    const struct sandbox_row *rows = sandbox_rows(&count);
    fprintf(out, "\n### Refused with an error of its own\n\n"
                 "A library may try these where all is well, and is told so.\n\n"
                 "| call | processes | error | why |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        if (rows[i].action == ACTION_REFUSE) {
            fprintf(out, "| `%s` | ", rows[i].call);
            print_roles(out, rows[i].roles);
            fprintf(out, " | %s | %s |\n", rows[i].number == EACCES ? "EACCES" : "EINPROGRESS",
                    rows[i].reason);
        }
}

static void print_workers(FILE *out)
{
    fprintf(
        out,
        "\n## System calls (seccomp)\n\n"
        "What stands in no table is not known to the process: the call returns ENOSYS, by which "
        "libc and libraries fall back where\na newer kernel has more. `clone3` is among these: "
        "seccomp cannot see its arguments. The numbers of another kind of machine\n(x32, i386) "
        "end the process. Names that only some machines have are left out elsewhere.\n\n"
        "### Every worker\n\n" TABLE_HEAD);
    print_rows(out, ACTION_ALLOW, role_count);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fprintf(out, "\n### %s\n\n%s Beside the above:\n\n" TABLE_HEAD, kinds[i].title,
                kinds[i].text);
        print_rows(out, ACTION_ALLOW, kinds[i].role);
    }
    print_refused(out);
}

static void print_supervisor(FILE *out)
{
    fprintf(out,
            "\n### The supervisor\n\n"
            "It opens files, makes sockets and starts programs, so its list is long; what it "
            "inherits to its workers is that none of the\ncalls that are never right can be had "
            "back. It has what its workers have, and:\n\n" TABLE_HEAD);
    print_rows(out, ACTION_ALLOW, ROLE_SUPERVISOR);
    fprintf(
        out,
        "\nIt keeps its user and groups (the service manager chose them, and by them it reads "
        "the secrets it hands over), and of its\ncapabilities those that it had of: SETUID, "
        "SETGID, SETPCAP and KILL for its workers; CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH,\n"
        "FOWNER and NET_BIND_SERVICE, which only root has: files may belong to anybody, and the "
        "monitor may listen below port 1024.\nIt has no Landlock rules: they would hold in its "
        "workers, and a reload may name any file and any port.\n");
}

static void print_killed(FILE *out)
{
    fprintf(out,
            "\n### Never right\n\n"
            "These end the process (SIGSYS). The supervisor's log then says so and where the call "
            "can be read; the worker is started\nagain, as after any death.\n\n" TABLE_HEAD);
    print_rows(out, ACTION_KILL, role_count);
}

static void print_landlock(FILE *out)
{
    fprintf(
        out,
        "\n## Files and network (Landlock)\n\n"
        "| process | files | TCP connect | TCP bind | signals and abstract sockets outside |\n"
        "|---|---|---|---|---|\n"
        "| dialer | none | the ports of the three APIs, or of their proxies | none | none |\n"
        "| pollers | none | none: the dialer's connections are handed over | none | none |\n"
        "| actuator | none | none: as the pollers | none | none |\n"
        "| reconciler | none | none | none | none |\n"
        "| monitor | none | none | none: its listener is handed over | none |\n\n"
        "The dialer asks for names over UDP, which Landlock does not cover; it never asks over "
        "TCP. "
        "Rules say ports, not addresses: those\nare `network.conf`'s to say "
        "([hardening.md](hardening.md#whom-it-may-talk-to)). Where `sandbox.without` leaves "
        "seccomp "
        "out, a poller and the\nactuator have the ports of their APIs, since libcurl connects once "
        "more what is connected.\n\n"
        "## The gap of older kernels (nftables)\n\n"
        "`deploy/nftables/ebbtide.nft` says by user what `landlock-tcp` says by process, and more: "
        "the dialer reaches the APIs' ports and,\nby UDP, name servers; the monitor answers those "
        "who call it; the others send nothing by a socket of their own. A connection that\nthe "
        "dialer handed over counts as the dialer's. It is optional, needs the package's users, and "
        "is loaded by hand:\n\n"
        "    nft -c -f /usr/share/ebbtide/nftables/ebbtide.nft    # checks it\n"
        "    nft -f /usr/share/ebbtide/nftables/ebbtide.nft       # loads it\n"
        "    nft list table inet ebbtide                          # shows what it stopped\n\n"
        "Set the ports at its top to those of `gitea.url`, `hetzner.url`, the kubeconfigs' server "
        "and proxies.\n");
}

static void print_limits(FILE *out)
{
    size_t count;
    const struct sandbox_limit *limits = sandbox_limits(&count);
    fprintf(out, "\n## Limits\n\nSoft and hard; a lower one that was inherited stays.\n\n"
                 "| limit | value | processes | why |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "| %s | %" PRIu64 " | ", limits[i].word, limits[i].value);
        print_roles(out, limits[i].roles);
        fprintf(out, " | %s |\n", limits[i].reason);
    }
    fprintf(out, "\nThe size of files is not limited: the log may be a file that many write.\n");
}

static void print_sanitizers(FILE *out)
{
    fprintf(
        out,
        "\n## Builds with sanitizers\n\n"
        "For tests only. Their runtime looks for leaks at the end of a process and writes "
        "reports, so these calls pass in such a build\n(and in no other), files are not "
        "restricted (`landlock-files` counts as missing) and nproc is not limited.\n\n" TABLE_HEAD);
    print_rows(out, ACTION_SANITIZER, role_count);
}

void sandbox_page_print(FILE *out)
{
    print_introduction(out);
    print_workers(out);
    print_supervisor(out);
    print_killed(out);
    print_landlock(out);
    print_limits(out);
    print_sanitizers(out);
}
