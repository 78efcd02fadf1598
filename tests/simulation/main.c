/* simulate: runs seeds one after the other, on several processes, and says what came of them.
 * May not: judge; that is the promises'. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "shrink.h"

#define WORKERS_MAX 64

struct plan {
    uint64_t from, seeds; /* seeds 0: as many as the time allows */
    double seconds;       /* 0: no limit */
    int64_t virtual_hours;
    unsigned workers;
    unsigned twin_every; /* every so many-eth seed is run twice; 0: none */
    int shrink_seconds;
    bool story, no_faults, large;
    const char *capture; /* folder; NULL none */
    const char *commit;
};

/* What a worker process has done; shared with the parent. */
struct share {
    struct sim_counts counts;
    struct book book;
    uint64_t seed; /* that runs, or failed */
    bool failed, done;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool is_twin(const struct plan *plan, uint64_t seed)
{
    return plan->twin_every > 0 && seed % plan->twin_every == 0;
}

static struct sim_options options_of(const struct plan *plan, uint64_t seed)
{
    return (struct sim_options){.seed = seed,
                                .hours = plan->virtual_hours,
                                .no_faults = plan->no_faults,
                                .large = plan->large,
                                .whole_hash = is_twin(plan, seed)};
}

/* The same seed again: the same output, byte for byte. */
static bool run_twin(struct sim *sim, const struct sim_options *options, uint64_t first,
                     struct share *share)
{
    char text[BOOK_TEXT_BYTES];
    (void)sim_run(sim, options);
    struct scene scene = {.kind = SCENE_twin,
                          .u.twin = {.first = first, .second = sim->output_hash}};
    snprintf(text, sizeof text, "seed %llu: %llx, then %llx", (unsigned long long)options->seed,
             (unsigned long long)first, (unsigned long long)sim->output_hash);
    bool held = book_judge(&share->book, &scene, 0, text);
    sim_end(sim);
    return held;
}

static void work(const struct plan *plan, unsigned number, double deadline, struct share *shares)
{
    struct sim *sim = sim_alloc(sizeof *sim);
    struct share *share = &shares[number];
    for (uint64_t i = number; plan->seeds == 0 || i < plan->seeds; i += plan->workers) {
        struct sim_options options = options_of(plan, plan->from + i);
        share->seed = options.seed;
        bool held = sim_run(sim, &options);
        uint64_t hash = sim->output_hash;
        book_add(&share->book, &sim->book);
        sim_end(sim);
        counts_add(&share->counts, &sim->counts);
        if (held && options.whole_hash)
            held = run_twin(sim, &options, hash, share);
        if (!held) {
            share->failed = true;
            break;
        }
        bool others = false;
        for (unsigned k = 0; k < plan->workers; k++)
            others = others || shares[k].failed;
        if (others || (deadline > 0 && now_s() >= deadline))
            break;
    }
    share->done = true;
    free(sim);
}

static void tell_failure(const struct plan *plan, uint64_t seed)
{
    struct sim *sim = sim_alloc(sizeof *sim);
    struct sim_options options = options_of(plan, seed);
    printf("\nseed %llu breaks a promise (commit %s); the shortest story of it found:\n",
           (unsigned long long)seed, plan->commit);
    shrink_and_tell(sim, &options, plan->shrink_seconds, stdout);
    printf("run it again: tests/simulate --seed %llu --story\n", (unsigned long long)seed);
    free(sim);
}

static void tell_broken(const struct share *share)
{
    const struct broken_promise *first = &share->book.first[0];
    if (share->book.kept > 0)
        printf("seed %llu breaks %s: %s\n", (unsigned long long)share->seed,
               promise_name(first->promise), first->text);
}

static int run_all(const struct plan *plan)
{
    double began = now_s(), deadline = plan->seconds > 0 ? began + plan->seconds : 0;
    size_t bytes = plan->workers * sizeof(struct share);
    struct share *shares =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct share all = {0};
    int status = 0;
    if (shares == MAP_FAILED)
        sim_die("out of memory");
    fflush(NULL);
    for (unsigned i = 0; i < plan->workers; i++)
        if (fork() == 0) {
            work(plan, i, deadline, shares);
            _exit(0);
        }
    for (unsigned i = 0; i < plan->workers; i++) {
        int ended;
        (void)wait(&ended);
        if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0)
            status = 1;
    }
    for (unsigned i = 0; i < plan->workers; i++) {
        counts_add(&all.counts, &shares[i].counts);
        book_add(&all.book, &shares[i].book);
        if (!shares[i].done)
            printf("a worker died in seed %llu\n", (unsigned long long)shares[i].seed);
    }
    report_print(&all.counts, &all.book, now_s() - began, stdout);
    for (unsigned i = 0; i < plan->workers; i++)
        if (shares[i].failed) {
            status = 1;
            if (plan->shrink_seconds > 0)
                tell_failure(plan, shares[i].seed);
            else
                tell_broken(&shares[i]);
            break;
        }
    printf("%s: %llu runs from seed %llu, %.0f server-days, %llu broken promises\n",
           status == 0 ? "all promises held" : "FAILED", (unsigned long long)all.counts.runs,
           (unsigned long long)plan->from, all.counts.server_days,
           (unsigned long long)all.book.broken_total);
    (void)munmap(shares, bytes);
    return status;
}

static int run_one(const struct plan *plan)
{
    struct sim *sim = sim_alloc(sizeof *sim);
    struct sim_options options = options_of(plan, plan->from);
    options.story = plan->story ? stdout : NULL;
    options.capture = plan->capture;
    bool held = sim_run(sim, &options);
    for (uint32_t i = 0; i < sim->book.kept; i++)
        printf("BROKEN %s: %s\n", promise_name(sim->book.first[i].promise),
               sim->book.first[i].text);
    sim_end(sim);
    free(sim);
    return held ? 0 : 1;
}

static const struct option words[] = {
    {"from", required_argument, NULL, 'f'},
    {"seeds", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 's'},
    {"hours", required_argument, NULL, 'h'},
    {"seed", required_argument, NULL, '1'},
    {"story", no_argument, NULL, 't'},
    {"capture", required_argument, NULL, 'p'},
    {"workers", required_argument, NULL, 'w'},
    {"twin-every", required_argument, NULL, 'd'},
    {"shrink-seconds", required_argument, NULL, 'k'},
    {"virtual-hours", required_argument, NULL, 'v'},
    {"no-faults", no_argument, NULL, 'q'},
    {"large", no_argument, NULL, 'l'},
    {"commit", required_argument, NULL, 'c'},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: simulate [--from SEED] [--seeds N] [--seconds N | --hours N] [--workers N]\n"
    "                [--virtual-hours N] [--twin-every N] [--shrink-seconds N] [--no-faults] "
    "[--large]\n"
    "       simulate --seed SEED [--story] [--capture FOLDER]   one run, with every event of it;\n"
    "                a capture of it in an empty FOLDER, for `ebbtide replay FOLDER`\n";

int main(int argc, char **argv)
{
    struct plan plan = {
        .from = 1, .workers = 2, .twin_every = 50, .shrink_seconds = 60, .commit = "unknown"};
    bool one = false;
    for (int letter; (letter = getopt_long(argc, argv, "", words, NULL)) != -1;)
        switch (letter) {
        case 'f': plan.from = strtoull(optarg, NULL, 10); break;
        case 'n': plan.seeds = strtoull(optarg, NULL, 10); break;
        case 's': plan.seconds = strtod(optarg, NULL); break;
        case 'h': plan.seconds = strtod(optarg, NULL) * 3600; break;
        case '1': plan.from = strtoull(optarg, NULL, 10), one = true; break;
        case 't': plan.story = true; break;
        case 'p': plan.capture = optarg; break;
        case 'w': plan.workers = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'd': plan.twin_every = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'k': plan.shrink_seconds = (int)strtol(optarg, NULL, 10); break;
        case 'v': plan.virtual_hours = strtoll(optarg, NULL, 10); break;
        case 'q': plan.no_faults = true; break;
        case 'l': plan.large = true; break;
        case 'c': plan.commit = optarg; break;
        default: fputs(usage, stderr); return 2;
        }
    if (optind != argc || plan.workers == 0 || plan.workers > WORKERS_MAX ||
        (!one && plan.seeds == 0 && plan.seconds <= 0)) {
        fputs(usage, stderr);
        return 2;
    }
    return one ? run_one(&plan) : run_all(&plan);
}
