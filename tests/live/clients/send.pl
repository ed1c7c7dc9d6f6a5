# SPDX-License-Identifier: GPL-2.0-only
# send.pl HOST PORT HELO FROM RCPT... - one message by Net::SMTP. With FAKE_NAME set the process calls itself that.
use strict;
use warnings;
use Net::SMTP;

my ($host, $port, $helo, $from, @to) = @ARGV;
$0 = $ENV{FAKE_NAME} if $ENV{FAKE_NAME};
my $smtp = Net::SMTP->new($host, Port => $port, Hello => $helo, Timeout => 30) or die "connect: $@";
$smtp->mail($from) or die 'MAIL';
$smtp->to(@to) or die 'RCPT';
$smtp->data("Subject: x\n\nhello\n") or die 'DATA';
$smtp->quit;
