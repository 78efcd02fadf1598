/* The standing alarms: one that had no room in the list is shown as soon as there is some. May not:
 * know what is alarming. */
#include <stdio.h>

#include "core_fixture.h"
#include "cunit_main.h"
#include "reconciler/core/private.h"

/* A step that raises the alarms of so many nodes, beginning with node `first`. */
static void raise_alarms(struct core *core, unsigned first, unsigned count)
{
    static struct core_output output; /* large */
    core->out = &output;
    output.line_count = 0;
    core->wake_ms = INT64_MAX;
    alarms_begin(core);
    for (unsigned i = first; i < first + count; i++) {
        char name[32];
        snprintf(name, sizeof name, "ebb-linux-1-%u", i);
        core_alarm(core, ALARM_STEP_FAILS, name, T("it fails"));
    }
    alarms_end(core);
}

static void test_what_had_no_room_comes_at_once(void)
{
    struct world *world = world_new();
    world_start(world, NULL);
    struct core *core = world->core;
    raise_alarms(core, 0, ALARMS_MAX);
    CU_ASSERT_EQUAL(core->alarm_count, ALARMS_MAX);
    CU_ASSERT_EQUAL(core->wake_ms, INT64_MAX); /* all are shown */
    raise_alarms(core, 0, ALARMS_MAX + 2);
    CU_ASSERT_EQUAL(core->alarms_dropped, 2);
    CU_ASSERT_EQUAL(core->wake_ms, INT64_MAX); /* there is no room, and nothing to come for */
    raise_alarms(core, 1, ALARMS_MAX + 1);     /* one is over */
    CU_ASSERT_EQUAL(core->alarm_count, ALARMS_MAX - 1);
    CU_ASSERT_EQUAL(core->alarms_dropped, 2);
    CU_ASSERT_EQUAL(core->wake_ms, core->mono_ms + 1);
    raise_alarms(core, 1, ALARMS_MAX + 1);
    CU_ASSERT_EQUAL(core->alarm_count, ALARMS_MAX);
    CU_ASSERT_EQUAL(core->alarms_dropped, 1);
    CU_ASSERT_EQUAL(core->wake_ms, INT64_MAX);
    world_free(world);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"what had no room comes at once", test_what_had_no_room_comes_at_once},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("core_alarms", tests);
}
