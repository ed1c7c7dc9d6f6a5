/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd.h - the subcommands; main.c is the table of them
 */
#ifndef SMTPSNOOP_CMD_H
#define SMTPSNOOP_CMD_H

/* argv[0] is the subcommand's name. Each returns an enum exit_status. */
int cmd_trace(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_collect(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_features(int argc, char **argv);

#endif
