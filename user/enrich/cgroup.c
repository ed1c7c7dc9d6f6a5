/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup.c - what a cgroup path says: systemd unit, container, Kubernetes pod
 *
 * Pure: reads one path from the root downwards and never fails; what it does not know it passes over. The outermost container
 * counts, because the host made it; what a container puts below itself cannot rename it.
 *
 * Forms known:
 *   docker       docker-ID.scope, /docker/ID            podman      libpod-ID.scope, libpod-ID, libpod-payload-ID
 *   containerd   cri-containerd-ID.scope, nerdctl-ID.scope, SLICE:cri-containerd:ID
 *   cri-o        crio-ID.scope, crio-ID                  kubernetes  /kubepods.../podUID/ID
 *   lxc          lxc.payload.NAME, lxc.payload/NAME, /lxc/NAME
 *   nspawn       machine-NAME.scope (not machine-qemu...: a virtual machine), systemd-nspawn@NAME.service
 * where ID is 64 hexadecimal digits.
 */
#include "enrich/cgroup.h"

#define CONTAINER_ID 64 /* hexadecimal digits of an OCI container's id */
#define CONTAINER_PREFIX_MIN 12 /* digits that docker and podman show */

static bool is_id(struct bytes text)
{
	if (text.length != CONTAINER_ID)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* PREFIX + middle + SUFFIX; true if there is a middle. */
static bool between(struct bytes text, const char *prefix, const char *suffix, struct bytes *middle)
{
	size_t cut = strlen(prefix) + strlen(suffix);

	if (text.length <= cut || !bytes_begin(text, prefix) || !bytes_end(text, suffix))
		return false;
	middle->at = text.at + strlen(prefix);
	middle->length = text.length - cut;
	return true;
}

/* Containers whose component carries a prefix and the id. */
static bool is_oci(struct bytes name, struct cgroup_facts *facts)
{
	static const struct {
		const char *prefix, *suffix, *runtime;
	} forms[] = {
		{"docker-", ".scope", "docker"},
		{"libpod-", ".scope", "podman"},
		{"libpod-payload-", "", "podman"},
		{"libpod-", "", "podman"},
		{"cri-containerd-", ".scope", "containerd"},
		{"nerdctl-", ".scope", "containerd"},
		{"crio-", ".scope", "cri-o"},
		{"crio-", "", "cri-o"},
	};
	const char *colon;
	struct bytes id;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!between(name, forms[i].prefix, forms[i].suffix, &id) || !is_id(id))
			continue;
		facts->container = id;
		facts->runtime = forms[i].runtime;
		return true;
	}
	if (!bytes_hold(name, ":cri-containerd:"))
		return false;
	colon = memrchr(name.at, ':', name.length);
	id = bytes_after(name, (size_t)(colon - name.at) + 1);
	if (!is_id(id))
		return false;
	facts->container = id;
	facts->runtime = "containerd";
	return true;
}

/* Containers that are known by their own name. */
static bool is_system_container(struct bytes name, struct cgroup_facts *facts)
{
	struct bytes machine;

	if (between(name, "lxc.payload.", "", &machine)) {
		facts->runtime = "lxc";
	} else if (between(name, "systemd-nspawn@", ".service", &machine)) {
		facts->runtime = "systemd-nspawn";
	} else if (between(name, "machine-", ".scope", &machine) && !bytes_begin(machine, "qemu")) {
		facts->runtime = "systemd-nspawn";
	} else {
		return false;
	}
	facts->container = machine;
	return true;
}

/* Containers that only the component above tells: /docker/ID, /lxc/NAME, /kubepods/podUID/ID. */
static bool is_below(struct bytes parent, struct bytes name, struct cgroup_facts *facts)
{
	if (bytes_are(parent, "lxc") || bytes_are(parent, "lxc.payload")) {
		facts->runtime = "lxc";
	} else if (!is_id(name)) {
		return false;
	} else if (bytes_are(parent, "docker")) {
		facts->runtime = "docker";
	} else if (facts->pod.length) {
		facts->runtime = "kubernetes";
	} /* else an engine with a cgroup parent of the administrator's choice: the id is all that is known */
	facts->container = name;
	return true;
}

static void find_pod(struct bytes name, bool kubepods, struct cgroup_facts *facts)
{
	const char *pod;
	struct bytes uid;

	if (facts->pod.length || !kubepods)
		return;
	if (between(name, "pod", "", &uid)) {
		facts->pod = uid;
		return;
	}
	/* "kubepods-burstable-pod<uid>.slice"; without a class it is "kubepods-pod<uid>.slice" */
	if (!bytes_begin(name, "kubepods-"))
		return;
	pod = memmem(name.at, name.length, "-pod", 4);
	if (!pod)
		return;
	uid = bytes_after(name, (size_t)(pod - name.at) + 4);
	pod = uid.length ? memmem(uid.at, uid.length, ".slice", 6) : NULL;
	if (pod) {
		uid.length = (size_t)(pod - uid.at);
		facts->pod = uid;
	}
}

static bool is_user_manager(struct bytes unit)
{
	return bytes_begin(unit, "user@") && bytes_end(unit, ".service");
}

/* In user@UID.service the innermost unit tells most; elsewhere what is below a unit was made by the unit itself. */
static void find_unit(struct bytes name, bool in_user_manager, struct cgroup_facts *facts)
{
	if (!bytes_end(name, ".service") && !bytes_end(name, ".scope"))
		return;
	if (bytes_are(name, "init.scope") && (facts->unit.length || facts->container.length))
		return;
	if (facts->unit.length && (!in_user_manager || facts->container.length))
		return;
	facts->unit_claimed = facts->unit.length != 0 || facts->container.length != 0;
	facts->unit = name;
}

void cgroup_read(struct bytes path, struct cgroup_facts *facts)
{
	bool user_manager = false, kubepods = false;
	struct bytes parent = {NULL, 0};
	size_t at = 0;

	*facts = (struct cgroup_facts){0};
	while (at < path.length) {
		const char *slash = memchr(path.at + at, '/', path.length - at);
		size_t end = slash ? (size_t)(slash - path.at) : path.length;
		struct bytes name = {path.at + at, end - at};

		at = end + 1;
		if (name.length == 0)
			continue;
		kubepods = kubepods || bytes_begin(name, "kubepods");
		find_pod(name, kubepods, facts);
		if (!facts->container.length &&
		    (is_oci(name, facts) || is_system_container(name, facts) ||
		     is_below(parent, name, facts))) {
			facts->container_claimed = facts->unit.length != 0;
			/* The scope of a container is no unit of its own; a service is. */
			if (bytes_end(name, ".service") && !facts->unit.length)
				facts->unit = name;
		} else {
			find_unit(name, user_manager, facts);
			user_manager = user_manager || is_user_manager(name);
		}
		parent = name;
	}
}

bool cgroup_container_is(struct bytes container, const char *wanted)
{
	return bytes_are(container, wanted) ||
	       (is_id(container) && strlen(wanted) >= CONTAINER_PREFIX_MIN &&
		bytes_begin(container, wanted));
}
