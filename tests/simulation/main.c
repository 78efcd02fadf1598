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
    printf("seed %llu: %s\n", (unsigned long long)plan->from,
           held ? "all promises held" : "FAILED, a promise is broken");
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
    {"help", no_argument, NULL, '?'},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: tests/simulate --seeds N | --seconds N | --hours N [--from SEED] [--workers N]\n"
    "                      [--virtual-hours N] [--twin-every N] [--shrink-seconds N]\n"
    "                      [--no-faults] [--large]\n"
    "       tests/simulate --seed SEED [--story] [--capture FOLDER]\n"
    "\n"
    "  --seeds N           so many runs, each from its own seed\n"
    "  --seconds, --hours  as many runs as that time allows\n"
    "  --from SEED         the first seed (1)\n"
    "  --workers N         runs at once (all cores; 64 at most)\n"
    "  --virtual-hours N   how long a run lasts in its own time (as its seed draws it)\n"
    "  --twin-every N      each so many-eth seed runs twice and must say the same (50; 0: none)\n"
    "  --shrink-seconds N  how long a run that breaks a promise is shortened (60)\n"
    "  --no-faults         nothing strikes\n"
    "  --large             large fleets\n"
    "  --seed SEED         this one run only; with --story every event of it is told\n"
    "  --capture FOLDER    writes a capture of it into an empty folder, for `ebbtide replay`\n"
    "\n"
    "Status: 0 all promises held, 1 one was broken, 2 the words were wrong.\n";

static int wrong(const char *what, const char *word)
{
    fprintf(stderr, "simulate: %s%s\n\n%s", what, word, usage);
    return 2;
}

static int wrong_number(const char *name, const char *kind)
{
    fprintf(stderr, "simulate: --%s takes a %s, not %s\n\n%s", name, kind, optarg, usage);
    return 2;
}

static bool number(const char *text, double least, double most, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *value >= least && *value <= most;
}

struct given {
    bool seed, story, seeds, help;
};

static int read_number(int letter, const char *name, struct plan *plan, struct given *given)
{
    static const double most = 1e15; /* exact as a double */
    double value;
    if (!number(optarg, 0, letter == 'k' || letter == 'v' || letter == 'd' ? 1e6 : most, &value))
        return wrong_number(name, "number");
    if (strchr("fn1wdkv", letter) != NULL && value != (double)(uint64_t)value)
        return wrong_number(name, "whole number");
    switch (letter) {
    case 'f': plan->from = (uint64_t)value; break;
    case 'n': plan->seeds = (uint64_t)value, given->seeds = true; break;
    case 's': plan->seconds = value, given->seeds = true; break;
    case 'h': plan->seconds = value * 3600, given->seeds = true; break;
    case '1': plan->from = (uint64_t)value, given->seed = true; break;
    case 'w':
        if (value < 1 || value > WORKERS_MAX)
            return wrong_number(name, "number from 1 to 64");
        plan->workers = (unsigned)value;
        break;
    case 'd': plan->twin_every = (unsigned)value; break;
    case 'k': plan->shrink_seconds = (int)value; break;
    default: plan->virtual_hours = (int64_t)value; break;
    }
    return 0;
}

static int read_word(int letter, const char *name, char **argv, struct plan *plan,
                     struct given *given)
{
    switch (letter) {
    case 't': plan->story = given->story = true; return 0;
    case 'p': plan->capture = optarg, given->story = true; return 0;
    case 'q': plan->no_faults = true; return 0;
    case 'l': plan->large = true; return 0;
    case 'c': plan->commit = optarg; return 0;
    case ':': return wrong("nothing follows ", argv[optind - 1]);
    case '?':
        given->help = strcmp(argv[optind - 1], "--help") == 0;
        return given->help ? 0 : wrong("does not know ", argv[optind - 1]);
    default: return read_number(letter, name, plan, given);
    }
}

int main(int argc, char **argv)
{
    struct plan plan = {
        .from = 1, .workers = 2, .twin_every = 50, .shrink_seconds = 60, .commit = "unknown"};
    struct given given = {.seed = false};
    int status = 0, index = 0;
    opterr = 0; /* the sentences are ours */
    while (status == 0 && !given.help) {
        int letter = getopt_long(argc, argv, ":", words, &index);
        if (letter == -1)
            break;
        status = read_word(letter, words[index].name, argv, &plan, &given);
    }
    if (given.help)
        return fputs(usage, stdout) < 0;
    if (status != 0)
        return status;
    if (optind != argc)
        return wrong("does not know ", argv[optind]);
    if (given.seed && given.seeds)
        return wrong("--seed is one run: not also --seeds, --seconds or --hours", "");
    if (!given.seed && given.story)
        return wrong("--story and --capture are of one run: say --seed SEED", "");
    if (!given.seed && plan.seeds == 0 && plan.seconds <= 0)
        return wrong("how much? --seeds N, --seconds N, --hours N or --seed SEED", "");
    return given.seed ? run_one(&plan) : run_all(&plan);
}
