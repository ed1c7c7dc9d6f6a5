# SPDX-License-Identifier: GPL-2.0-only
#
# make            builds ./smtpsnoop
# make help       names the rest
#
# V=1 shows commands; WERROR=1 makes warnings errors. Variants, each with files of its own; only the plain one is put
# at ./smtpsnoop, and run, live, demo and install take the variant that is named with them:
#   SAN=address,undefined  the user side under sanitizers   .output/san/smtpsnoop
#   DEBUG=1                for gdb                          .output/debug/smtpsnoop
#   STATIC=1               without shared libraries         .output/static/smtpsnoop
#   COVER=1                counts lines (make cover)        .output/cover/smtpsnoop

VERSION := 0.1
VARIANT := $(if $(SAN),/san)$(if $(COVER),/cover)$(if $(DEBUG),/debug)$(if $(STATIC),/static)
O := .output$(VARIANT)
PROGRAM := $(if $(VARIANT),$(O)/)smtpsnoop
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
DESTDIR ?=

CC ?= gcc
CLANG ?= clang
STRIP ?= strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool /usr/bin/bpftool) bpftool)
ARCH ?= $(shell uname -m)
BPF_ARCH := $(if $(filter aarch64 arm64,$(ARCH)),arm64,x86)

Q := $(if $(V),,@)
comma := ,
say = $(if $(V),,@printf '  %-7s %s\n' "$(1)" "$(2)")

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
	-Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough $(if $(WERROR),-Werror)
AUTOINIT := $(shell echo 'int x;' | $(CC) -ftrivial-auto-var-init=zero -x c -c -o /dev/null - 2>/dev/null && echo -ftrivial-auto-var-init=zero)
HARDEN := -fstack-protector-strong -fPIE $(AUTOINIT) $(if $(SAN)$(DEBUG),,-D_FORTIFY_SOURCE=2)
OPT := $(if $(DEBUG)$(COVER),-O0 -g3,-O2 -g)
CPPFLAGS += -D_GNU_SOURCE -DSMTPSNOOP_VERSION='"$(VERSION)"' -Iinclude -Iuser -I$(O)
ALL_CFLAGS := -std=gnu11 $(OPT) $(WARN) $(HARDEN) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) \
	$(if $(COVER),--coverage) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVER),--coverage) $(LDFLAGS)
LIBS := -lbpf -lelf -lz -lseccomp -lcap-ng -linih -lmd -lsqlite3 -ljansson
# libpcap and libmicrohttpd are loaded when they are needed (user/base/load.h), and only linked where nothing can be loaded; libarchive not
# even there.
ifeq ($(STATIC),1)
CPPFLAGS += -DLINKED_STATICALLY
LIBS += -lpcap -lmicrohttpd -lm # the last is SQLite's
# Capturing from D-Bus comes with the static libpcap and wants a library that is not there; files are read without it.
PCAP_DBUS = $(shell nm -u $$($(CC) -print-file-name=libpcap.a) 2>/dev/null | sed -n 's/^ *U dbus_/dbus_/p' | \
	grep -v -e dbus_create -e dbus_findalldevs | sort -u)
# TLS comes with the static libmicrohttpd, wants a library that is not there, and is not used.
MHD_TLS = $(shell nm -u $$($(CC) -print-file-name=libmicrohttpd.a) 2>/dev/null | sed -n 's/^ *U gnutls_/gnutls_/p' | \
	grep -v -e gnutls_global_init -e gnutls_global_deinit | sort -u)
ALL_LDFLAGS := -static-pie -Wl,-z,relro,-z,now $(patsubst %,-Wl$(comma)--defsym=%=abort,$(PCAP_DBUS) $(MHD_TLS)) $(LDFLAGS)
endif

BPF_SYSINC := -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Iinclude -Ibpf $(BPF_SYSINC) \
	-Wall -Wextra -Wshadow -Wundef -Wno-unused-parameter $(if $(WERROR),-Werror) -ffile-prefix-map=$(CURDIR)=.

# state first: where the linker meets a map's declaration before its definition, it loses its place.
BPF_SRCS := bpf/state.bpf.c $(filter-out bpf/state.bpf.c,$(sort $(wildcard bpf/*.bpf.c)))
BPF_OBJS := $(BPF_SRCS:bpf/%.bpf.c=$(O)/bpf/%.bpf.o)
SKEL := $(O)/smtpsnoop.skel.h

# Everything but main.c and cmd/ is a library, so that the tests link what the program links.
LIB_SRCS := $(sort $(filter-out user/main.c user/cmd/%,$(wildcard user/*/*.c)))
CMD_SRCS := $(sort $(wildcard user/main.c user/cmd/*.c))
LIB_OBJS := $(LIB_SRCS:%.c=$(O)/%.o)
CMD_OBJS := $(CMD_SRCS:%.c=$(O)/%.o)
LIB := $(O)/libuser.a

TOOL_SRCS := tools/sink.c tools/source.c tools/store_fill.c tools/example_store.c
TOOLS := $(TOOL_SRCS:%.c=$(O)/%)
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c))
UNITS := $(UNIT_SRCS:%.c=$(O)/%)

.PHONY: all help fuzz run test deps test-deps bench-deps check unit live demo format format-check layers style cover bench vmtest arm64 clean install uninstall tools
.DELETE_ON_ERROR:

all: smtpsnoop tools

help:
	@sed -n '2,/^$$/s/^# //p' Makefile
	@echo 'targets: all run demo test check unit live fuzz vmtest arm64 bench cover format format-check layers deps test-deps bench-deps install uninstall clean'

ifeq ($(VARIANT),)
smtpsnoop: $(O)/smtpsnoop
	$(Q)cp $< $@.new && mv -f $@.new $@
else
.PHONY: smtpsnoop
smtpsnoop: $(O)/smtpsnoop
	$(call say,IS AT,$<)
endif

$(O)/smtpsnoop: $(CMD_OBJS) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
	$(if $(SAN)$(DEBUG)$(COVER),,$(Q)$(STRIP) $@)

$(LIB): $(LIB_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $^

$(O)/user/%.o: user/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Only these see the kernel programs.
$(patsubst %.c,$(O)/%.o,$(shell grep -ls 'smtpsnoop.skel.h' user/*/*.c)): $(SKEL)

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

$(O)/smtpsnoop.bpf.o: $(BPF_OBJS)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKEL): $(O)/smtpsnoop.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name smtpsnoop_bpf > $@.new && mv $@.new $@

tools: $(TOOLS)

$(O)/tools/%: tools/%.c tools/net.c $(wildcard tools/*.h)
	$(call say,TOOL,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O2 -g $(WARN) -o $@ $(filter %.c,$^) -pthread
$(O)/tools/sink: tools/sink_session.c
$(O)/tools/source: tools/source_session.c tools/source_options.c

# What the bench runs beside them; the parser's and the store's measure the library itself.
BENCH_SRCS := $(sort $(wildcard tools/bench/*.c))
BENCHES := $(BENCH_SRCS:%.c=$(O)/%)

$(O)/tools/bench/%: tools/bench/%.c tools/net.c tools/net.h
	$(call say,BENCH,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itools -std=gnu11 -O2 -g $(WARN) -o $@ $(filter %.c,$^) -lbpf

$(O)/tools/bench/parser $(O)/tools/bench/store $(O)/tools/store_fill $(O)/tools/example_store: $(O)/%: %.c $(LIB)
	$(call say,TOOL,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)

$(O)/tests/unit/%: tests/unit/%.c $(LIB)
	$(call say,UNIT,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LIBS) -lcmocka

$(O)/tests/unit/test_mutations: ALL_LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(O)/tests/unit/test_script: ALL_LDFLAGS += -rdynamic
$(O)/tests/unit/test_writes: ALL_LDFLAGS += -Wl,--wrap=write

# FULL=1: the store's simulated week has a million rows, and takes minutes.
unit: $(UNITS)
	$(Q)rc=0; for test in $(UNITS); do $(if $(FULL),FULL=1) $$test || rc=1; done; exit $$rc

# libFuzzer with sanitizers; SECONDS=60 for each target, TARGETS="gate json" selects.
SECONDS ?= 60
FUZZ := $(O)/fuzz
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_LIB_SRCS := $(filter-out $(shell grep -ls 'smtpsnoop.skel.h' user/*/*.c),$(LIB_SRCS))
FUZZ_CFLAGS := -std=gnu11 $(WARN) -Wno-missing-prototypes -Wno-implicit-fallthrough -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

fuzz: $(FUZZ_SRCS:tests/fuzz/%.c=$(FUZZ)/%)
	tests/fuzz/run $(SECONDS) $(FUZZ) $(TARGETS)

$(FUZZ)/user/%.o: user/%.c
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(FUZZ)/libuser.a: $(FUZZ_LIB_SRCS:%.c=$(FUZZ)/%.o)
	$(Q)rm -f $@ && ar rcsD $@ $^

$(FUZZ)/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.h $(FUZZ)/libuser.a
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(FUZZ)/libuser.a $(LIBS)

run: all
	./$(PROGRAM) trace $(ARGS)

# KERNELS="6.1 7" selects (tests/vm/kernels); FULL=1 runs all live tests with each backend.
vmtest: all $(O)/tests/vm/headroom
	$(Q)tests/vm/run $(if $(FULL),--full) $(KERNELS)

# Builds for arm64 by cross-compilation and tries that on an arm64 kernel.
arm64:
	$(Q)tests/vm/arm64

$(O)/tests/vm/headroom: tests/vm/headroom.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< -lbpf -lelf -lz

clean:
	$(Q)rm -rf .output smtpsnoop cover

format:
	clang-format -i $(wildcard include/*.h bpf/*.[ch] user/*.c user/*/*.[ch] tools/*.[ch] tools/*/*.[ch] tests/*/*.[ch])

format-check:
	$(Q)clang-format --dry-run -Werror $(wildcard include/*.h bpf/*.[ch] user/*.c user/*/*.[ch] tools/*.[ch] tools/*/*.[ch] tests/*/*.[ch])

layers:
	$(Q)tools/check-layers

style: layers
	$(Q)tools/check-style

test:
	tools/test

live: all
	tests/live/run --binary $(PROGRAM) --tools $(O)/tools $(ARGS)

# What needs no root: style, and the unit tests under sanitizers.
check: style format-check
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined unit

deps:
	tools/deps build

test-deps:
	tools/deps test

bench-deps:
	tools/deps bench

# As root; ARGS=--help names the parts, ARGS=--write puts the table into BENCH.md.
bench: all $(BENCHES)
	tools/bench/run $(if $(VARIANT),--tools $(O)/tools --binary $(PROGRAM) )$(ARGS)

# Installs and builds what it needs; a variant is built here.
demo: $(if $(VARIANT),all)
	$(if $(VARIANT),SMTPSNOOP=./$(PROGRAM) )tools/demo

# Lines that the unit tests reach, user side; a page a file in cover/.
cover:
	$(Q)$(MAKE) --no-print-directory COVER=1 unit
	$(Q)mkdir -p cover && cd cover && gcov -r -s .. $$(find ../.output/cover -name '*.gcda') > summary.txt
	$(Q)tools/cover-table cover/summary.txt

# A page belongs into the section that its name ends with.
PAGES := $(notdir $(sort $(wildcard dist/*.[1-9])))

install: smtpsnoop
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(SBINDIR)/smtpsnoop
	$(Q)set -e; for page in $(PAGES); do install -D -m 644 dist/$$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done
	$(Q)set -e; conf=$(DESTDIR)$(SYSCONFDIR)/smtpsnoop.conf; \
		if [ -e dist/smtpsnoop.conf ] && [ ! -e $$conf ]; then install -D -m 644 dist/smtpsnoop.conf $$conf; fi

	$(Q)install -d $(DESTDIR)$(UNITDIR)
	$(Q)sed 's,/usr/sbin/smtpsnoop,$(SBINDIR)/smtpsnoop,' dist/smtpsnoop.service >$(DESTDIR)$(UNITDIR)/smtpsnoop.service
	$(Q)chmod 644 $(DESTDIR)$(UNITDIR)/smtpsnoop.service
	$(Q)install -D -m 644 dist/smtpsnoop.sysusers $(DESTDIR)$(SYSUSERSDIR)/smtpsnoop.conf

# The configuration and the store are the administrator's: they stay.
uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/smtpsnoop
	$(Q)for page in $(PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done
	rm -f $(DESTDIR)$(UNITDIR)/smtpsnoop.service $(DESTDIR)$(SYSUSERSDIR)/smtpsnoop.conf

-include $(wildcard $(O)/*/*.d $(O)/*/*/*/*.d $(O)/*/*/*.d $(O)/*/*.bpf.d)
