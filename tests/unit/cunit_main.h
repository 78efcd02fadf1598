/* The main of a CUnit program: runs one table of tests and ends with CUnit's summary and an exit
 * status CTest reads. Usage: `int main(void) { return cunit_run("module", tests); }` with a
 * CU_TestInfo table that ends in CU_TEST_INFO_NULL. */
#ifndef EBBTIDE_TESTS_UNIT_CUNIT_MAIN_H
#define EBBTIDE_TESTS_UNIT_CUNIT_MAIN_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>

static inline int cunit_run(const char *module, CU_TestInfo *tests)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_SuiteInfo suites[] = {
        {.pName = module, .pTests = tests},
        CU_SUITE_INFO_NULL,
    };
    if (CU_register_suites(suites) != CUE_SUCCESS) {
        fprintf(stderr, "%s: the tests cannot be registered: %s\n", module, CU_get_error_msg());
        return 2;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_failures();
    unsigned run = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return failed == 0 && run > 0 ? 0 : 1;
}

#endif
