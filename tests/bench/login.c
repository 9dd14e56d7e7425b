/*
 * Logs in through libpam and says what it cost: the same program for every module that is measured.
 *
 *   login [-e CODE] [-n TIMES | -j AT_ONCE | -L MODULE] [-a ANSWER]... [-A FILE] [-c FROM=TO]
 *         [-u REAL_UID] [-i ITEM=VALUE]... FOLDER SERVICE USER
 *
 *   -e  the code of pam_authenticate that is expected, 0 if not said
 *   -n  so many logins one after the other, in this process
 *   -j  so many at once, each in a process of its own; %d in USER is the number of the process
 *   -L  loads a module so many times as -n says instead, and unloads it
 *   -a  the answers to the prompts of every login, in order
 *   -A  the answers are in FILE, a line per login, a tab between them
 *   -c  copies a file before every login
 *   -u  the real uid, as a setuid program has it
 *   -i  tty, rhost or ruser
 *
 * Prints `name value` lines. Links nothing but the C library and libpam, so that a module's own libraries are counted.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWERS 8
#define ITEMS 4

struct item {
	int type;
	const char *value;
};

static struct {
	const char *folder, *service, *user, *module, *from, *to;
	int expected, times, at_once;
	long real_uid;
	char *answers[ANSWERS];
	int answer_count;
	FILE *answer_file;
	struct item items[ITEMS];
	int item_count;
} options = { .times = 1, .real_uid = -1 };

/* What one login cost. */
struct cost {
	int code;
	double wall, cpu, after_key, end;
};

/* The answers of the login that is going on, and when the last one was given. */
struct talk {
	char *answers[ANSWERS];
	int count, next;
	double last_key;
};

static double now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int answer(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
	struct talk *talk = data;
	struct pam_response *all = calloc(count, sizeof *all);
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		if (style != PAM_PROMPT_ECHO_ON && style != PAM_PROMPT_ECHO_OFF) {
			if (getenv("BENCH_SHOW"))
				fprintf(stderr, "%s\n", messages[i]->msg);
			continue;
		}
		if (getenv("BENCH_SHOW"))
			fprintf(stderr, "? %s\n", messages[i]->msg);
		if (talk->next == talk->count) {
			free(all);
			return PAM_CONV_ERR;
		}
		all[i].resp = strdup(talk->answers[talk->next++]);
		talk->last_key = now(CLOCK_MONOTONIC);
	}
	*responses = all;
	return PAM_SUCCESS;
}

/* libpam's random delay after a failure would only measure itself. */
static void no_delay(int code, unsigned microseconds, void *data)
{
	(void)code, (void)microseconds, (void)data;
}

static void prepare(struct talk *talk)
{
	static char line[1024];
	char *rest = line, *one;
	talk->next = 0;
	talk->last_key = 0;
	talk->count = options.answer_count;
	memcpy(talk->answers, options.answers, sizeof talk->answers);
	if (options.answer_file && fgets(line, sizeof line, options.answer_file)) {
		line[strcspn(line, "\n")] = 0;
		for (talk->count = 0; talk->count < ANSWERS && (one = strsep(&rest, "\t")); )
			talk->answers[talk->count++] = one;
	}
}

/* Puts a file back as it was: what a login has used up is there again. */
static void restore(void)
{
	char buffer[65536];
	int from = open(options.from, O_RDONLY);
	int to = open(options.to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t length = read(from, buffer, sizeof buffer);
	if (from < 0 || to < 0 || length < 0 || write(to, buffer, length) != length)
		die(options.to);
	close(from);
	close(to);
}

static struct cost log_in(const char *user, struct talk *talk)
{
	struct pam_conv conversation = { answer, talk };
	struct cost cost = { 0 };
	pam_handle_t *handle;
	if (options.from)
		restore();
	double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	if (pam_start_confdir(options.service, user, &conversation, options.folder, &handle) != PAM_SUCCESS)
		die("pam_start_confdir");
	pam_set_item(handle, PAM_FAIL_DELAY, (const void *)no_delay);
	for (int i = 0; i < options.item_count; i++)
		pam_set_item(handle, options.items[i].type, options.items[i].value);
	cost.code = pam_authenticate(handle, 0);
	cost.end = now(CLOCK_MONOTONIC);
	pam_end(handle, cost.code);
	cost.cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	cost.wall = now(CLOCK_MONOTONIC) - wall;
	cost.after_key = talk->last_key ? cost.end - talk->last_key : 0;
	return cost;
}

/* The sum of the lines of a file of /proc that begin so. */
static long sum(const char *file, const char *name)
{
	char line[512];
	long total = 0, value;
	FILE *stream = fopen(file, "r");
	while (stream && fgets(line, sizeof line, stream))
		if (!strncmp(line, name, strlen(name)) && sscanf(line + strlen(name), ": %ld", &value) == 1)
			total += value;
	if (stream)
		fclose(stream);
	return total;
}

static int lines(const char *file)
{
	int count = 0, c;
	FILE *stream = fopen(file, "r");
	while (stream && (c = getc(stream)) != EOF)
		count += c == '\n';
	if (stream)
		fclose(stream);
	return count;
}

static int descriptors(void)
{
	int count = 0;
	DIR *all = opendir("/proc/self/fd");
	while (all && readdir(all))
		count++;
	closedir(all);
	return count;
}

/* What a process holds. */
struct held {
	long memory, heap;
	int descriptors, mappings, threads;
};

static struct held held(void)
{
	struct mallinfo2 all = mallinfo2();
	struct held held = {
		.memory = 1024 * (sum("/proc/self/smaps_rollup", "Private_Dirty") + sum("/proc/self/smaps_rollup", "Private_Clean")),
		.heap = all.uordblks + all.hblkhd,
		.descriptors = descriptors(),
		.mappings = lines("/proc/self/maps"),
		.threads = sum("/proc/self/status", "Threads"),
	};
	return held;
}

static void one_after_the_other(void)
{
	struct cost cost = { 0 };
	struct talk talk;
	struct held before = { 0 }, after;
	int failed = 0, warm = options.times / 10;
	for (int i = 0; i < options.times; i++) {
		if (i == warm && options.times > 1)
			before = held();
		prepare(&talk);
		cost = log_in(options.user, &talk);
		failed += cost.code != options.expected;
	}
	printf("code %d\nfailed %d\n", cost.code, failed);
	printf("wall %.6f\ncpu %.6f\nafter_key %.6f\nend %.6f\n", cost.wall, cost.cpu, cost.after_key, cost.end);
	printf("peak %ld\n", 1024 * sum("/proc/self/status", "VmHWM"));
	if (options.times == 1)
		return;
	after = held();
	printf("kept %.1f\n", (double)(after.heap - before.heap) / (options.times - warm));
	printf("private %.1f\n", (double)(after.memory - before.memory) / (options.times - warm));
	printf("descriptors %d\nmappings %d\nthreads %d\n", after.descriptors - before.descriptors,
		after.mappings - before.mappings, after.threads - before.threads);
}

static int by_wall(const void *a, const void *b)
{
	double first = ((const struct cost *)a)->wall, second = ((const struct cost *)b)->wall;
	return (first > second) - (first < second);
}

static void all_at_once(void)
{
	int count = options.at_once, failed = 0, gate[2];
	struct cost *costs = mmap(NULL, count * sizeof *costs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (costs == MAP_FAILED || pipe(gate) < 0)
		die("to begin");
	for (int i = 0; i < count; i++) {
		char user[64], c;
		struct talk talk;
		prepare(&talk);
		int pid = fork();
		if (pid < 0)
			die("fork");
		costs[i].code = pid ? costs[i].code : -1;
		if (pid)
			continue;
		close(gate[1]);
		snprintf(user, sizeof user, options.user, i);
		if (read(gate[0], &c, 1) < 0)
			die("the gate");
		costs[i] = log_in(user, &talk);
		_exit(0);
	}
	double begun = now(CLOCK_MONOTONIC);
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	double time = now(CLOCK_MONOTONIC) - begun;
	for (int i = 0; i < count; i++)
		failed += costs[i].code != options.expected;
	qsort(costs, count, sizeof *costs, by_wall);
	printf("failed %d\nrate %.3f\np50 %.6f\np95 %.6f\n", failed, (count - failed) / time,
		costs[count / 2].wall, costs[count * 95 / 100].wall);
}

/* The least time of all: what it costs when no other process wants the processor. */
static void load(void)
{
	double least = 1e9;
	for (int i = 0; i < options.times; i++) {
		double begun = now(CLOCK_MONOTONIC);
		void *module = dlopen(options.module, RTLD_NOW);
		double time = now(CLOCK_MONOTONIC) - begun;
		if (!module) {
			fprintf(stderr, "%s\n", dlerror());
			exit(2);
		}
		dlclose(module);
		least = time < least ? time : least;
	}
	printf("load %.9f\n", least);
}

static void add_item(char *text)
{
	char *value = strchr(text, '=');
	int type = !strncmp(text, "tty", 3) ? PAM_TTY : !strncmp(text, "rhost", 5) ? PAM_RHOST : PAM_RUSER;
	if (value && options.item_count < ITEMS)
		options.items[options.item_count++] = (struct item){ type, value + 1 };
}

static void read_options(int argc, char **argv)
{
	int option;
	char *equals;
	while ((option = getopt(argc, argv, "e:n:j:L:a:A:c:u:i:")) != -1) {
		switch (option) {
		case 'e': options.expected = atoi(optarg); break;
		case 'n': options.times = atoi(optarg); break;
		case 'j': options.at_once = atoi(optarg); break;
		case 'L': options.module = optarg; break;
		case 'a':
			if (options.answer_count < ANSWERS)
				options.answers[options.answer_count++] = optarg;
			break;
		case 'A': options.answer_file = fopen(optarg, "r"); break;
		case 'c':
			if ((equals = strchr(optarg, '='))) {
				*equals = 0;
				options.from = optarg;
				options.to = equals + 1;
			}
			break;
		case 'u': options.real_uid = atol(optarg); break;
		case 'i': add_item(optarg); break;
		default: exit(2);
		}
	}
	if (!options.module && argc - optind != 3) {
		fprintf(stderr, "usage: see the head of login.c\n");
		exit(2);
	}
	options.folder = argv[optind];
	options.service = options.module ? NULL : argv[optind + 1];
	options.user = options.module ? NULL : argv[optind + 2];
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	/* As sshd, sudo, su and login do before they call libpam: what that loads is the program's and no module's. */
	getpwnam("root");
	if (options.real_uid >= 0 && setresuid(options.real_uid, -1, -1) < 0)
		die("setresuid");
	if (options.module)
		load();
	else if (options.at_once)
		all_at_once();
	else
		one_after_the_other();
	return 0;
}
