/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * features.c - what this kernel offers, which hooks are used, what is missed without the others, and which MTAs and PHPs are here
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cap-ng.h>

#include "base/escape.h"
#include "base/msg.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/runtimes.h"
#include "enrich/config.h"
#include "enrich/mta.h"
#include "enrich/script.h"
#include "source/cgroup2.h"
#include "source/hooks.h"
#include "source/kernel.h"
#include "source/tracer.h"

static const char help[] =
	"usage: smtpsnoop features [--json]\n"
	"\n"
	"Attaches an empty program to each hook, lets it go again, and tells what works.\n";

struct capability {
	unsigned int number;
	const char *name;
};

static const struct capability capabilities[] = {
	{CAP_BPF, "BPF"},
	{CAP_PERFMON, "PERFMON"},
	{CAP_NET_ADMIN, "NET_ADMIN"},
	{CAP_SYS_PTRACE, "SYS_PTRACE"},
	{CAP_SYS_ADMIN, "SYS_ADMIN"},
	{CAP_DAC_READ_SEARCH, "DAC_READ_SEARCH"},
};

#define PHPS_SHOWN                                                                                 \
	32 /* a shared host has some ten versions, each as FPM, CGI and on the command line */
#define PHP_PATH 256

struct php {
	char path[PHP_PATH];
	struct script_layout layout;
};

struct features {
	struct utsname kernel;
	char lockdown[32];
	struct cgroup2 cgroup;
	struct hooks hooks;
	enum hook send;
	bool btf;
	struct config *config; /* NULL = config_error */
	struct mta_table *mtas;
	char config_error[512];
	struct php phps[PHPS_SHOWN];
	unsigned int php_count; /* those that were found, more than are shown */
	bool can; /* the two necessary hooks attach */
	char why_not[512];
};

/* False = out of memory; a wrong configuration is told in its place. */
static bool gather_mtas(struct features *features)
{
	features->config = config_load(OPTION_CONFIG_PATH, false, features->config_error,
				       sizeof(features->config_error));
	if (!features->config)
		return true;
	features->mtas = mta_new(features->config, 0);
	return features->mtas != NULL;
}

static int add_php(void *context, const struct script_runtime *key,
		   const struct script_layout *layout, const char *path)
{
	struct features *features = context;
	struct php *php;

	(void)key;
	if (!layout || layout->library)
		return 0;
	for (unsigned int i = 0; i < features->php_count && i < PHPS_SHOWN; i++)
		if (!strcmp(features->phps[i].path, path))
			return 0; /* a server that has it as a library, once more */
	if (features->php_count++ >= PHPS_SHOWN)
		return 0;
	php = &features->phps[features->php_count - 1];
	snprintf(php->path, sizeof(php->path), "%s", path);
	php->layout = *layout;
	return 0;
}

/* False = out of memory. */
static bool gather_phps(struct features *features)
{
	struct rights_user user;
	struct runtimes *runtimes;

	rights_user(&user);
	runtimes = runtimes_new(&user, add_php, features);
	if (!runtimes)
		return false;
	runtimes_scan(runtimes);
	runtimes_free(runtimes);
	return true;
}

static void gather(struct features *features)
{
	char error[512] = "";

	uname(&features->kernel);
	features->btf = kernel_has_btf();
	kernel_lockdown(features->lockdown, sizeof(features->lockdown));
	features->cgroup.fd = -1;
	if (tracer_cannot(features->why_not, sizeof(features->why_not)))
		return;
	if (cgroup2_open(&features->cgroup, NULL, features->why_not, sizeof(features->why_not)))
		return;
	hooks_probe(&features->hooks, features->cgroup.fd);
	features->send = hooks_send(&features->hooks, NULL);
	features->can = true;
	for (int hook = HOOK_STATE; hook <= HOOK_DIALOGUE; hook++) {
		if (!features->hooks.error[hook])
			continue;
		features->can = false;
		kernel_refusal(hook_name(hook), features->hooks.error[hook], error, sizeof(error));
		snprintf(features->why_not, sizeof(features->why_not), "%s", error);
	}
}

static bool used(const struct features *features, enum hook hook)
{
	if (hook >= HOOK_SEND_FENTRY)
		return features->send == hook;
	return features->can && !features->hooks.error[hook];
}

/* What is missed, NULL = nothing is. */
static const char *missed(const struct features *features, enum hook hook)
{
	if (hook == HOOK_SEND_KPROBE && features->send == HOOK_COUNT)
		return hook_loss(hook);
	if (hook >= HOOK_SEND_FENTRY || !features->hooks.error[hook])
		return NULL;
	return hook_loss(hook);
}

static void print_mtas(const struct features *features)
{
	const struct config_mta *mta;
	size_t at = 0;
	bool safe, any = false;

	if (!features->mtas) {
		printf("MTA: %s\n", features->config_error);
		return;
	}
	while ((mta = mta_next(features->mtas, &at, &safe)) != NULL) {
		char path[256];

		escape_text(path, sizeof(path), mta->path, strlen(mta->path), NULL);
		printf("%s %s (%s, user %s%s)", any ? "," : "MTA:", mta->name, path, mta->user,
		       safe ? "" : "; others than root can write it: not trusted");
		any = true;
	}
	printf("%s\n", any ? "" : "MTA: no known MTA on this host");
}

static void print_phps(const struct features *features)
{
	for (unsigned int i = 0; i < features->php_count && i < PHPS_SHOWN; i++) {
		const struct php *php = &features->phps[i];
		char path[4 * PHP_PATH];

		escape_text(path, sizeof(path), php->path, strlen(php->path), NULL);
		printf("%s %u.%u (%s%s%s)", i ? "," : "PHP:", php->layout.version / 100,
		       php->layout.version % 100, path,
		       php->layout.status == SCRIPT_READ ? "" : "; its scripts can't be named: ",
		       php->layout.status == SCRIPT_READ ? ""
							 : script_status_name(php->layout.status));
	}
	if (features->php_count > PHPS_SHOWN)
		printf(" and %u more", features->php_count - PHPS_SHOWN);
	printf("%s\n", features->php_count ? "" : "PHP: none found");
}

static void print_text(const struct features *features)
{
	bool degraded = false;

	printf("Linux %s, BTF %s, lockdown %s\n", features->kernel.release,
	       features->btf ? "present" : "MISSING",
	       features->lockdown[0] ? features->lockdown : "not built in");
	printf("rights:");
	capng_get_caps_process();
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		printf(" %s%s",
		       capng_have_capability(CAPNG_EFFECTIVE, capabilities[i].number) ? "" : "no-",
		       capabilities[i].name);
	printf("\n");
	print_mtas(features);
	print_phps(features);
	if (features->cgroup.fd >= 0) {
		printf("cgroup v2: %s\n\n", features->cgroup.where);
		for (int hook = 0; hook < HOOK_COUNT; hook++)
			printf("  %-30s %-10s %s\n", hook_name(hook),
			       features->hooks.error[hook] ? "refused" : "works",
			       features->hooks.error[hook]
				       ? kernel_error(features->hooks.error[hook])
			       : used(features, hook) ? "used"
						      : "not needed");
		printf("\n");
	}
	if (!features->can) {
		printf("cannot trace here: %s\n", features->why_not);
		return;
	}
	for (int hook = 0; hook < HOOK_COUNT; hook++) {
		const char *loss = missed(features, hook);

		if (!loss)
			continue;
		printf("degraded: without %s %s\n",
		       hook == HOOK_SEND_KPROBE ? "any send hook" : hook_name(hook), loss);
		degraded = true;
	}
	if (!degraded)
		printf("nothing is degraded\n");
}

static void print_string(const char *text)
{
	char escaped[1024];

	escape_json(escaped, sizeof(escaped), text, strlen(text), NULL);
	printf("\"%s\"", escaped);
}

static void print_mtas_json(const struct features *features)
{
	const struct config_mta *mta;
	size_t at = 0;
	bool safe, any = false;

	printf(",\"mtas\":[");
	while (features->mtas && (mta = mta_next(features->mtas, &at, &safe)) != NULL) {
		printf("%s{\"name\":", any ? "," : "");
		print_string(mta->name);
		printf(",\"path\":");
		print_string(mta->path);
		printf(",\"user\":");
		print_string(mta->user);
		printf(",\"safe\":%s}", safe ? "true" : "false");
		any = true;
	}
	printf("]");
	if (!features->mtas) {
		printf(",\"configuration\":");
		print_string(features->config_error);
	}
}

static void print_phps_json(const struct features *features)
{
	printf(",\"php\":[");
	for (unsigned int i = 0; i < features->php_count && i < PHPS_SHOWN; i++) {
		const struct php *php = &features->phps[i];

		printf("%s{\"path\":", i ? "," : "");
		print_string(php->path);
		printf(",\"version\":\"%u.%u\",\"status\":\"%s\"}", php->layout.version / 100,
		       php->layout.version % 100, script_status_name(php->layout.status));
	}
	printf("],\"php_count\":%u", features->php_count);
}

static void print_json(const struct features *features)
{
	printf("{\"v\":1,\"kernel\":");
	print_string(features->kernel.release);
	printf(",\"btf\":%s", features->btf ? "true" : "false");
	if (features->lockdown[0]) {
		printf(",\"lockdown\":");
		print_string(features->lockdown);
	}
	printf(",\"capabilities\":[");
	capng_get_caps_process();
	for (size_t i = 0, n = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		if (capng_have_capability(CAPNG_EFFECTIVE, capabilities[i].number))
			printf("%s\"%s\"", n++ ? "," : "", capabilities[i].name);
	printf("]");
	print_mtas_json(features);
	print_phps_json(features);
	printf(",\"usable\":%s", features->can ? "true" : "false");
	if (features->cgroup.fd >= 0) {
		printf(",\"cgroup\":");
		print_string(features->cgroup.where);
		printf(",\"hooks\":[");
		for (int hook = 0; hook < HOOK_COUNT; hook++) {
			const char *loss = missed(features, hook);

			printf("%s{\"name\":\"%s\",\"works\":%s,\"used\":%s", hook ? "," : "",
			       hook_name(hook), features->hooks.error[hook] ? "false" : "true",
			       used(features, hook) ? "true" : "false");
			if (features->hooks.error[hook]) {
				printf(",\"error\":");
				print_string(kernel_error(features->hooks.error[hook]));
			}
			if (loss)
				printf(",\"missed\":\"%s\"", loss);
			printf("}");
		}
		printf("]");
	}
	if (!features->can) {
		printf(",\"reason\":");
		print_string(features->why_not);
	}
	printf("}\n");
}

int cmd_features(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct features features;
	bool json = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":jh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return option_flushed();
		}
		if (option != 'j')
			return option_refused(option, argv, options, "features");
		json = true;
	}
	if (optind < argc) {
		msg_error("features takes no arguments; see smtpsnoop features --help");
		return EXIT_CANNOT;
	}
	memset(&features, 0, sizeof(features));
	if (!gather_mtas(&features) || !gather_phps(&features)) {
		mta_free(features.mtas);
		config_free(features.config);
		msg_error("out of memory");
		return EXIT_FAILED;
	}
	gather(&features);
	if (json)
		print_json(&features);
	else
		print_text(&features);
	if (features.cgroup.fd >= 0)
		close(features.cgroup.fd);
	mta_free(features.mtas);
	config_free(features.config);
	if (option_flushed() != EXIT_DONE)
		return EXIT_FAILED;
	return features.can ? EXIT_DONE : EXIT_CANNOT;
}
