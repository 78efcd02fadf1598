/* The filter of system calls, made from the table with libseccomp. seccomp_init(3). May not: allow
 * what stands in no row. */
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include "common/role_parts.h"
#include "common/sandbox_table.h"

static uint32_t action_of(const struct sandbox_row *row)
{
    switch (row->action) {
    case ACTION_ALLOW:
    case ACTION_SANITIZER: return SCMP_ACT_ALLOW;
    case ACTION_REFUSE: return SCMP_ACT_ERRNO((uint16_t)row->number);
    case ACTION_KILL: break;
    }
    return SCMP_ACT_KILL_PROCESS;
}

static struct scmp_arg_cmp compare_of(const struct sandbox_test *test)
{
    struct scmp_arg_cmp compare = {.arg = test->argument, .op = SCMP_CMP_EQ};
    switch (test->kind) {
    case TEST_NONE: break;
    case TEST_EQUAL: compare.datum_a = test->value; break;
    case TEST_SELF: compare.datum_a = (scmp_datum_t)getpid(); break;
    case TEST_BITS:
        compare.op = SCMP_CMP_MASKED_EQ;
        compare.datum_a = test->mask;
        compare.datum_b = test->value;
        break;
    }
    return compare;
}

/* A name that this machine, or this libseccomp, does not know needs no row: the default refuses it.
 */
static bool add_row(scmp_filter_ctx filter, const struct sandbox_row *row,
                    char why[ROLE_WHY_BYTES_MAX])
{
    int number = seccomp_syscall_resolve_name(row->call);
    struct scmp_arg_cmp compare[SANDBOX_TESTS_MAX];
    unsigned count = 0;
    if (number < 0)
        return true;
    for (; count < SANDBOX_TESTS_MAX && row->test[count].kind != TEST_NONE; count++)
        compare[count] = compare_of(&row->test[count]);
    int result = seccomp_rule_add_array(filter, action_of(row), number, count, compare);
    if (result == 0)
        return true;
    return role_cannot(why, "libseccomp refuses the row of %s: %s", row->call, strerror(-result));
}

static bool add_rows(scmp_filter_ctx filter, enum role role, char why[ROLE_WHY_BYTES_MAX])
{
    size_t count;
    const struct sandbox_row *rows = sandbox_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (sandbox_row_applies(&rows[i], role) && !add_row(filter, &rows[i], why))
            return false;
    return true;
}

/* A call by the numbers of another kind of machine (x32, i386) ends the process. */
static bool load(scmp_filter_ctx filter, char why[ROLE_WHY_BYTES_MAX])
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = seccomp_load(filter);
    if (result == 0)
        return true;
    if (result == -ECANCELED) /* libseccomp's word for whatever the kernel said */
        return role_cannot(why, "the kernel refuses the filter: %s", strerror(errno));
    return role_cannot(why, "the kernel refuses the filter: %s", strerror(-result));
}

bool role_seccomp(const struct role_wish *wish, char why[ROLE_WHY_BYTES_MAX])
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL)
        return role_cannot(why, "no memory for the filter");
    bool done = add_rows(filter, wish->role, why) && load(filter, why);
    seccomp_release(filter);
    return done;
}
