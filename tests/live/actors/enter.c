/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * enter - becomes the actor of a live test: cgroup first, network namespace after, then another user, then the program
 *
 * enter [-c CGROUP_DIR] [-n NETNS_FILE] [-p] [-u UID] program [argument ...]
 *
 * -p puts the program into a pid namespace of its own, as its first process; enter then waits for it. The program
 * otherwise replaces enter, so that its pid is the one the test started. Anything that fails is fatal: exit status 125.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 125

static void join_cgroup(const char *directory)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(FAILED, "%s", path);
	close(fd);
}

static void join_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(FAILED, "%s", path);
	close(fd);
}

static void own_pid_namespace(void)
{
	int status;
	pid_t child;

	if (unshare(CLONE_NEWPID))
		err(FAILED, "unshare");
	child = fork();
	if (child < 0)
		err(FAILED, "fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	if (waitpid(child, &status, 0) < 0)
		err(FAILED, "waitpid");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		err(FAILED, "user %u", uid);
}

int main(int argc, char **argv)
{
	const char *cgroup = NULL, *netns = NULL, *user = NULL;
	int pidns = 0, option;

	while ((option = getopt(argc, argv, "+c:n:pu:")) != -1) {
		switch (option) {
		case 'c':
			cgroup = optarg;
			break;
		case 'n':
			netns = optarg;
			break;
		case 'p':
			pidns = 1;
			break;
		case 'u':
			user = optarg;
			break;
		default:
			return FAILED;
		}
	}
	if (optind == argc)
		errx(FAILED, "no program");
	if (cgroup)
		join_cgroup(cgroup);
	if (netns)
		join_netns(netns);
	if (pidns)
		own_pid_namespace();
	if (user)
		become((uid_t)strtoul(user, NULL, 10));
	execvp(argv[optind], argv + optind);
	err(FAILED, "%s", argv[optind]);
}
