/* What label selectors promise: the syntax both clouds share, and nothing else is taken for one. */
#include "tests/unit/cunit_main.h"

#include "simulator/selector.h"

static char env[] = "env", prod[] = "prod", tier[] = "a.b/tier", empty[] = "",
            managed[] = "managed-by", ebbtide[] = "ebbtide";
static struct world_pair pairs[] = {{env, prod}, {tier, empty}, {managed, ebbtide}};
static const struct world_map labels = {.pairs = pairs, .count = 3};

static bool selects(const char *text)
{
    struct selector selector;
    CU_ASSERT_TRUE_FATAL(selector_parse(&selector, text));
    return selector_matches(&selector, &labels);
}

static void each_form_selects_what_it_says(void)
{
    static const char *const yes[] = {NULL,        "",
                                      "env",       "env=prod",
                                      "env==prod", "env in (dev, prod)",
                                      "!zone",     "env!=dev",
                                      "zone!=dev", "zone notin (a,b)",
                                      "a.b/tier=", "env=prod,managed-by=ebbtide,!zone",
                                      "a.b/tier"};
    static const char *const no[] = {"zone",      "env=dev",          "!env",
                                     "env!=prod", "env notin (prod)", "env in (dev)",
                                     "zone=a",    "env=prod,zone",    "env="};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        CU_ASSERT_TRUE(selects(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CU_ASSERT_FALSE(selects(no[i]));
}

static void what_is_no_selector_is_refused(void)
{
    static const char *const bad[] = {",",      "=a",    "env=prod,", "env in dev", "env in (dev",
                                      "!env=a", "env~a", "env=a b",   "env)"};
    struct selector selector;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(selector_parse(&selector, bad[i]));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"each form selects what it says", each_form_selects_what_it_says},
        {"what is no selector is refused", what_is_no_selector_is_refused},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("simulator_selector", tests);
}
