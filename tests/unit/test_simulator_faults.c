/* What fault rules promise: they strike exactly what and as often as they say, the same seed
 * strikes the same requests, and a rule that is not understood is refused with the key's name. */
#include "tests/unit/cunit_main.h"

#include "simulator/faults.h"

#include <string.h>

static struct faults *faults;

static uint64_t add(const char *text)
{
    struct error error = {{0}};
    uint64_t id = 0;
    json_t *rule = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
    if (!faults_add(faults, rule, 1000, &id, &error))
        CU_FAIL(error.text);
    json_decref(rule);
    return id;
}

static const struct fault *ask(enum fault_effect effect, const char *path, int64_t mono_ms)
{
    struct fault_subject subject = {
        .api = API_HETZNER, .method = "POST", .path = path, .server = "ebb-1", .location = "nbg1"};
    return faults_strike(faults, effect, &subject, mono_ms);
}

static void begin(void)
{
    faults_free(faults);
    struct error error;
    CU_ASSERT_TRUE_FATAL(faults_init(&faults, &error));
}

static void a_rule_skips_then_strikes_as_often_as_it_says(void)
{
    begin();
    add("{\"effect\":\"status\",\"status\":502,\"count\":2,\"skip\":1}");
    CU_ASSERT_PTR_NULL(ask(FAULT_STATUS, "/a", 1001));
    const struct fault *fault = ask(FAULT_STATUS, "/a", 1002);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fault);
    CU_ASSERT_EQUAL(fault->status, 502);
    CU_ASSERT_PTR_NOT_NULL(ask(FAULT_STATUS, "/a", 1003));
    CU_ASSERT_PTR_NULL(ask(FAULT_STATUS, "/a", 1004));
}

static void a_rule_strikes_only_what_it_matches(void)
{
    begin();
    add("{\"effect\":\"hang\",\"api\":\"hetzner\",\"method\":\"POST\",\"path_regex\":\"/"
        "servers$\"}");
    add("{\"effect\":\"close\",\"api\":\"gitea\"}");
    add("{\"effect\":\"no_capacity\",\"server\":\"ebb-\",\"location\":\"fsn1\"}");
    add("{\"effect\":\"never_boots\",\"server\":\"ebb-\",\"location\":\"nbg1\"}");
    CU_ASSERT_PTR_NOT_NULL(ask(FAULT_HANG, "/v1/servers", 1001));
    CU_ASSERT_PTR_NULL(ask(FAULT_HANG, "/v1/servers/1", 1001));
    CU_ASSERT_PTR_NULL(ask(FAULT_CLOSE, "/v1/servers", 1001));
    CU_ASSERT_PTR_NULL(ask(FAULT_NO_CAPACITY, "/v1/servers", 1001));
    CU_ASSERT_PTR_NOT_NULL(ask(FAULT_NEVER_BOOTS, "/v1/servers", 1001));
}

static void a_rule_ends_with_its_time_or_its_removal(void)
{
    begin();
    add("{\"effect\":\"hang\",\"for_ms\":500}");
    CU_ASSERT_PTR_NOT_NULL(ask(FAULT_HANG, "/a", 1499));
    CU_ASSERT_PTR_NULL(ask(FAULT_HANG, "/a", 1500));
    uint64_t id = add("{\"effect\":\"close\"}");
    CU_ASSERT_TRUE(faults_remove(faults, id));
    CU_ASSERT_FALSE(faults_remove(faults, id));
    CU_ASSERT_PTR_NULL(ask(FAULT_CLOSE, "/a", 1001));
}

static uint64_t draw(void)
{
    begin();
    add("{\"effect\":\"close\",\"probability\":0.5,\"seed\":7}");
    uint64_t bits = 0;
    for (int i = 0; i < 64; i++)
        bits = bits << 1 | (ask(FAULT_CLOSE, "/a", 1001) != NULL);
    return bits;
}

static void the_same_seed_strikes_the_same_requests(void)
{
    uint64_t first = draw();
    CU_ASSERT_EQUAL(draw(), first);
    int struck = __builtin_popcountll(first);
    CU_ASSERT_TRUE(struck > 16 && struck < 48);
}

static void a_rule_that_is_not_understood_names_its_key(void)
{
    static const struct {
        const char *rule, *word;
    } rows[] = {{"{\"effect\":\"boom\"}", "boom"},
                {"{\"count\":1}", "effect"},
                {"{\"effect\":\"hang\",\"cuont\":1}", "cuont"},
                {"{\"effect\":\"hang\",\"count\":0}", "count"},
                {"{\"effect\":\"status\",\"status\":99}", "status"},
                {"{\"effect\":\"hang\",\"path_regex\":\"(\"}", "path_regex"},
                {"{\"effect\":\"hang\",\"api\":\"aws\"}", "aws"},
                {"{\"effect\":\"raw\"}", "body"},
                {"{\"effect\":\"answer_raw\",\"body\":\"\\u0100\"}", "U+00FF"},
                {"{\"effect\":\"large\",\"bytes\":0}", "bytes"},
                {"[]", "object"}};
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {{0}};
        uint64_t id;
        json_t *rule = json_loads(rows[i].rule, 0, NULL);
        CU_ASSERT_FALSE(faults_add(faults, rule, 0, &id, &error));
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, rows[i].word));
        json_decref(rule);
    }
}

static void the_rules_are_limited_in_number(void)
{
    begin();
    for (int i = 0; i < FAULT_RULES_MAX; i++)
        add("{\"effect\":\"hang\"}");
    struct error error = {{0}};
    uint64_t id;
    json_t *rule = json_loads("{\"effect\":\"hang\"}", 0, NULL);
    CU_ASSERT_FALSE(faults_add(faults, rule, 0, &id, &error));
    json_decref(rule);
    json_t *list = faults_list(faults, 1000);
    CU_ASSERT_EQUAL(json_array_size(list), FAULT_RULES_MAX);
    json_decref(list);
    faults_free(faults);
    faults = NULL;
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a rule skips, then strikes as often as it says",
         a_rule_skips_then_strikes_as_often_as_it_says},
        {"a rule strikes only what it matches", a_rule_strikes_only_what_it_matches},
        {"a rule ends with its time or its removal", a_rule_ends_with_its_time_or_its_removal},
        {"the same seed strikes the same requests", the_same_seed_strikes_the_same_requests},
        {"a rule that is not understood names its key",
         a_rule_that_is_not_understood_names_its_key},
        {"the rules are limited in number", the_rules_are_limited_in_number},
        CU_TEST_INFO_NULL,
    };
    return cunit_run("simulator_faults", tests);
}
