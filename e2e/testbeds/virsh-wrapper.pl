#!/usr/bin/perl
# Stands in front of the real virsh for one sshd of the testbed and makes chosen commands fail, wait or be held.
# It rewrites what virsh is told (arguments, a batch in one argument, or commands on standard input), and the real
# virsh then fails by itself: an error of one command stays in its place in a batch. Perl is part of every Debian.
use strict;
use warnings;

my ($folder, $virsh, $socket) = ('@FOLDER@', '@VIRSH@', '@SOCKET@');
my $nobody = '00000000-0000-4000-8000-000000000000';
my @faults;
if (open(my $file, '<', "$folder/faults")) {
  while (my $line = <$file>) {
    chomp $line;
    my ($id, $effect, $seconds, $command, $vm) = split(/\t/, $line, 5);
    push @faults, { id => $id, effect => $effect, seconds => $seconds, command => $command, vm => $vm // '' };
  }
}

sub apply {
  my ($fault, $count) = @_;
  if (open(my $reached, '>>', "$folder/reached-$fault->{id}")) { print $reached "$$\n"; close $reached; }
  if ($fault->{effect} eq 'delay') { select(undef, undef, undef, $fault->{seconds}); }
  if ($fault->{effect} eq 'hold') {
    # Given up after a minute, so that a test that died leaves nothing behind.
    my $end = time + 60;
    select(undef, undef, undef, 0.02) while !-e "$folder/release-$fault->{id}" && time < $end;
  }
}

# One command as text: virsh's own separators are ";" and newline.
sub rewrite {
  my ($text) = @_;
  for my $fault (@faults) {
    next unless $text =~ /(?<![\w-])\Q$fault->{command}\E(?![\w-])/;
    next unless $fault->{vm} eq '' || index($text, $fault->{vm}) >= 0;
    apply($fault);
    next unless $fault->{effect} eq 'fail';
    if ($fault->{vm} ne '') { $text =~ s/\Q$fault->{vm}\E/$nobody/g; }
    else { $text =~ s/(?<![\w-])\Q$fault->{command}\E(?![\w-])/$fault->{command}-fails/; }
  }
  return $text;
}

sub rewrite_batch { return join('', map { /^[;\n]$/ ? $_ : rewrite($_) } split(/([;\n])/, $_[0])); }

# The first argument that is not an option (nor an option's value) is the command.
my @arguments = @ARGV;
my $first;
for (my $i = 0; $i < @arguments; $i++) {
  if ($arguments[$i] =~ /^(-c|--connect|-d|--debug|-e|--escape|-l|--log|-k|--keepalive-interval|-K|--keepalive-count)$/) {
    $arguments[$i + 1] = $socket if $socket ne '' && $arguments[$i] =~ /connect|-c/;
    $i++;
  } elsif ($arguments[$i] =~ /^--connect=/) {
    $arguments[$i] = "--connect=$socket" if $socket ne '';
  } elsif ($arguments[$i] !~ /^-/) {
    $first = $i;
    last;
  }
}

if (defined $first) {
  # virsh takes one command in many arguments, or a batch in one.
  my $rest = @arguments - $first;
  if ($rest == 1 || $arguments[$first] =~ /[;\s]/) {
    $arguments[$_] = rewrite_batch($arguments[$_]) for $first .. $#arguments;
  } else {
    my @command = split(/\x01/, rewrite(join("\x01", @arguments[$first .. $#arguments])), -1);
    @arguments = (@arguments[0 .. $first - 1], @command);
  }
  exec { $virsh } 'virsh', @arguments;
  die "cannot run $virsh: $!";
}

open(my $pipe, '|-', $virsh, @arguments) or die "cannot run $virsh: $!";
$pipe->autoflush(1);
while (my $line = <STDIN>) { print $pipe rewrite_batch($line); }
close $pipe;
exit($? >> 8);
