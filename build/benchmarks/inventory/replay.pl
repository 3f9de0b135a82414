#!/usr/bin/perl
# Stands for a host's shell: the first time it runs what it is given and keeps the answer with the time that it took;
# from then on it waits so long and gives that answer. So many hosts can be read on one machine, which would otherwise
# do the work of all of them. Scripts are the same when they differ only in their random marks.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Time::HiRes qw(time sleep);

my ($folder) = @ARGV;
my $script = do { local $/; <STDIN> };
my ($mark) = $script =~ /(snaptree:[0-9a-f-]{36})/;
my ($nonce) = $script =~ /(frame-[0-9a-f]{32})/;
my $plain = $script;
$plain =~ s/\Q$mark\E/MARK/g;
$plain =~ s/\Q$nonce\E/NONCE/g if defined $nonce;
my $file = "$folder/" . md5_hex($plain);
if (!-e "$file.seconds") {
  open(my $in, '>', "$file.script") or die $!; print $in $script; close $in;
  my $start = time;
  system("sh -s < $file.script > $file.stdout 2> $file.stderr");
  my $seconds = time - $start;
  for my $name ("$file.stdout", "$file.stderr") {
    open(my $out, '<', $name) or die $!; local $/; my $text = <$out>; close $out;
    $text =~ s/\Q$mark\E/\0M\0/g; $text =~ s/\Q$nonce\E/\0N\0/g if defined $nonce;
    open($out, '>', $name) or die $!; print $out $text; close $out;
  }
  open(my $done, '>', "$file.seconds") or die $!; print $done $seconds; close $done;
} else {
  open(my $time, '<', "$file.seconds") or die $!;
  sleep(<$time>);
}
$| = 1;
for my $pair (["$file.stdout", \*STDOUT], ["$file.stderr", \*STDERR]) {
  open(my $out, '<', $pair->[0]) or die $!; local $/; my $text = <$out>; close $out;
  $text =~ s/\0M\0/$mark/g; $text =~ s/\0N\0/$nonce/g if defined $nonce;
  print { $pair->[1] } $text;
}
