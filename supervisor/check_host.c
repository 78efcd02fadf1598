/* `ebbtide check-host`: which parts of the sandbox this machine can have. They are tried, not
 * guessed: a process of its own enters a worker's role and tells what came of it. May not: change
 * this process, start anything that outlives it. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/role.h"
#include "supervisor/commands.h"
#include "supervisor/users.h"

/* The role that is tried has every part: it connects, locks secrets and writes files. */
#define TRIED_ROLE ROLE_ACTUATOR
#define TRIED_PORT 443

struct finding {
    struct role_report report;
    struct utsname name;
    uint32_t required; /* PART_BITs */
    bool switches;     /* workers can be given users of their own */
    unsigned made;     /* so many would get a number that nobody has */
};

/* ------------------------------------------------------------------------------------ trying */

/* In a process of its own, which ends with it. */
static _Noreturn void try_role(const struct worker_user *user, int out)
{
    const struct role_wish wish = {.role = TRIED_ROLE,
                                   .uid = user->uid,
                                   .gid = user->gid,
                                   .port = {TRIED_PORT},
                                   .port_count = 1};
    struct role_report report;
    /* Where it fails the report says what was missing until then. */
    (void)role_enter(&wish, &report, NULL);
    _exit(write(out, &report, sizeof report) == (ssize_t)sizeof report ? 0 : 1);
}

static bool ask(const struct worker_user *user, struct role_report *report, struct error *error)
{
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return error_set_errno(error, errno, "the sandbox cannot be tried: no pipe");
    pid_t pid = fork();
    if (pid == 0)
        try_role(user, ends[1]);
    int number = errno;
    close(ends[1]);
    ssize_t length = pid > 0 ? read(ends[0], report, sizeof *report) : -1;
    close(ends[0]);
    if (pid < 0)
        return error_set_errno(error, number, "the sandbox cannot be tried: no new process");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return length == (ssize_t)sizeof *report ||
           error_set(error,
                     "the process in which the sandbox was tried ended early (wait status 0x%x): "
                     "report this, with the kernel's version",
                     (unsigned)status);
}

static bool look(const struct config *config, struct finding *finding, struct error *error)
{
    struct worker_user users[TOPOLOGY_WORKERS];
    unsigned place = 0;
    if (uname(&finding->name) != 0)
        return error_set_errno(error, errno, "the kernel does not say what it is");
    if (!users_find(config, users, &finding->made, error))
        return false;
    while (topology_worker(place)->role != TRIED_ROLE)
        place++;
    finding->switches = users_can_switch();
    finding->required = sandbox_parts_of(config->sandbox.required, config->sandbox.required_count);
    return ask(&users[place], &finding->report, error);
}

static bool is_here(const struct finding *finding, unsigned part)
{
    return (finding->report.in_force & PART_BIT(part)) != 0;
}

/* "" where it is here. */
static const char *why_not(const struct finding *finding, unsigned part)
{
    const char *why = finding->report.why[part];
    return is_here(finding, part) || why[0] != '\0' ? why : "not tried, since one above failed";
}

static uint32_t lacking(const struct finding *finding)
{
    return finding->required & ~finding->report.in_force;
}

/* ------------------------------------------------------------------------------------ saying */

static const char *users_text(const struct finding *finding, char *out, size_t size)
{
    if (!finding->switches)
        snprintf(out, size, "all workers would run as user %u", (unsigned)geteuid());
    else if (finding->made > 0)
        snprintf(out, size,
                 "%u of %u workers would get a number that nobody has: the package makes users",
                 finding->made, (unsigned)TOPOLOGY_WORKERS);
    else
        snprintf(out, size, "each worker has a user of its own on this machine");
    return out;
}

static void print_text(const struct finding *finding)
{
    char text[256];
    const struct scmp_version *version = seccomp_version();
    printf("Linux %s on %s, libseccomp %u.%u.%u, tried as user %u\n\n", finding->name.release,
           finding->name.machine, version->major, version->minor, version->micro,
           (unsigned)geteuid());
    printf("%-15s %-5s %s\n", "PART", "HERE", "WHAT IT IS; OR WHY IT IS MISSING, AND WHAT TO DO");
    for (unsigned i = 0; i < sandbox_part_count; i++) {
        const struct sandbox_part_row *part = sandbox_part((enum sandbox_part)i);
        if (is_here(finding, i))
            printf("%-15s %-5s %s\n", part->word, "yes", part->doc);
        else
            printf("%-15s %-5s %s. %s\n", part->word, "no", why_not(finding, i), part->remedy);
    }
    printf("\n%s\n", users_text(finding, text, sizeof text));
    if (finding->required != 0)
        printf("sandbox.required: %s%s\n",
               lacking(finding) == 0 ? "all of it is here" : "missing: ",
               sandbox_parts_text(lacking(finding), text, sizeof text));
}

/* All texts are ours or the kernel's: printable, but a quote would break the line. */
static void print_member(const char *key, const char *value, const char *after)
{
    printf("\"%s\": \"", key);
    for (; *value != '\0'; value++)
        printf(*value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    printf("\"%s", after);
}

static void print_json(const struct finding *finding)
{
    char text[256];
    printf("{");
    print_member("kernel", finding->name.release, ", ");
    print_member("machine", finding->name.machine, ", ");
    print_member("users", users_text(finding, text, sizeof text), ", ");
    printf("\"user\": %u, \"parts\": [", (unsigned)geteuid());
    for (unsigned i = 0; i < sandbox_part_count; i++) {
        const struct sandbox_part_row *part = sandbox_part((enum sandbox_part)i);
        printf("%s\n  {", i == 0 ? "" : ",");
        print_member("part", part->word, ", ");
        printf("\"here\": %s, \"required\": %s, ", is_here(finding, i) ? "true" : "false",
               (finding->required & PART_BIT(i)) != 0 ? "true" : "false");
        print_member("what", part->doc, ", ");
        print_member("why_not", why_not(finding, i), ", ");
        print_member("remedy", is_here(finding, i) ? "" : part->remedy, "}");
    }
    printf("\n]}\n");
}

int command_check_host(const struct command_words *words)
{
    struct finding finding = {0};
    struct error error = {""};
    struct config *config = words->config == NULL ? config_new() : command_config(words->config);
    if (config == NULL)
        return 1;
    bool looked = look(config, &finding, &error);
    config_free(config);
    if (!looked) {
        fprintf(stderr, "ebbtide check-host: %s\n", error.text);
        return 1;
    }
    if (words->json)
        print_json(&finding);
    else
        print_text(&finding);
    return lacking(&finding) == 0 ? 0 : 1;
}
