/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * php.c - is a file PHP, and how are its globals laid out?
 *
 * Offsets are those of builds without threads and debugging for 64-bit machines; tools/php-offsets prints them from PHP's headers. What
 * is the same in all versions is in bpf/script.bpf.c. Wrong ones do no harm: what is read then does not look like PHP and is dropped.
 */
#include "enrich/php.h"

#include <stdint.h>
#include <string.h>

#include <gelf.h>

#include "base/limits.h"

static const struct {
	uint16_t version, execute_data, filename, previous;
} layouts[] = {
	{700, 480, 120, 56}, {701, 480, 120, 48}, {702, 480, 120, 48}, {703, 488, 128, 48},
	{704, 488, 136, 48}, {800, 488, 144, 48}, {801, 488, 144, 48}, {802, 488, 152, 48},
	{803, 488, 144, 48}, {804, 488, 168, 48}, {805, 512, 168, 48}, {806, 512, 168, 48},
};

bool php_version_known(unsigned int version, struct script_layout *layout)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].version != version)
			continue;
		layout->execute_data = layouts[i].execute_data;
		layout->filename = layouts[i].filename;
		layout->previous = layouts[i].previous;
		return true;
	}
	return false;
}

/* main/main.c: the header that PHP sends, if it may. 0 = not there. */
static unsigned int find_version(const char *image, size_t size)
{
	static const char header[] = "X-Powered-By: PHP/";
	const char *at = memmem(image, size, header, sizeof(header) - 1);
	unsigned int major, minor = 0;

	if (!at)
		return 0;
	at += sizeof(header) - 1;
	if (at + 4 > image + size || at[0] < '0' || at[0] > '9' || at[1] != '.')
		return 0;
	major = (unsigned int)(at[0] - '0');
	for (at += 2; at < image + size && *at >= '0' && *at <= '9' && minor < 100; at++)
		minor = minor * 10 + (unsigned int)(*at - '0');
	return major * 100 + minor;
}

/* As the kernel has it in mm->start_code, before the load address is added: the lowest executable segment. */
static uint64_t first_text(Elf *elf)
{
	uint64_t lowest = 0;
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return 0;
	for (size_t i = 0; i < count && i < 128; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header))
			return 0;
		if (header.p_type == PT_LOAD && header.p_flags & PF_X &&
		    (!lowest || header.p_vaddr < lowest))
			lowest = header.p_vaddr;
	}
	return lowest;
}

struct globals {
	uint64_t sapi, executor, module;
	bool threads;
};

static void take_symbol(struct globals *globals, const char *name, uint64_t value)
{
	if (!strcmp(name, "sapi_globals"))
		globals->sapi = value;
	else if (!strcmp(name, "executor_globals"))
		globals->executor = value;
	else if (!strcmp(name, "sapi_module"))
		globals->module = value;
	else if (!strcmp(name, "executor_globals_offset") || !strcmp(name, "sapi_globals_offset"))
		globals->threads = true;
}

static void find_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
			 struct globals *globals)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	for (size_t i = 0; i < count && i < LIMIT_RUNTIME_SYMBOLS; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol))
			return;
		if (symbol.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			take_symbol(globals, name, symbol.st_value);
	}
}

/* A file has one such table: who has more wants to be read for long. */
static void find_globals(Elf *elf, struct globals *globals)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	for (int i = 0; i < LIMIT_RUNTIME_SECTIONS && (section = elf_nextscn(elf, section)); i++) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM)
			continue;
		find_symbols(elf, section, &header, globals);
		return;
	}
}

bool php_layout(char *image, size_t size, struct script_layout *layout)
{
	struct globals globals = {0};
	Elf *elf;

	memset(layout, 0, sizeof(*layout));
	elf_version(EV_CURRENT);
	elf = elf_memory(image, size);
	if (!elf)
		return false;
	if (elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64) {
		find_globals(elf, &globals);
		layout->text = first_text(elf);
	}
	elf_end(elf);
	if (!globals.threads && !(globals.sapi && globals.executor && globals.module))
		return false;
	layout->sapi_globals = globals.sapi;
	layout->executor_globals = globals.executor;
	layout->sapi_module = globals.module;
	layout->version = (uint16_t)find_version(image, size);
	if (globals.threads)
		layout->status = SCRIPT_THREADS;
	else if (php_version_known(layout->version, layout))
		layout->status = SCRIPT_READ;
	else
		layout->status = SCRIPT_VERSION;
	return true;
}
