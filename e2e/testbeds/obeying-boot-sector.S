.code16
.globl _start
_start:
  cli
  xorw %ax,%ax
  movw %ax,%ds
  movw %ax,%ss
  movw $0x7000,%sp
  movw $0x0602,%dx        # PM1_EN of the PIIX4, where SeaBIOS puts it: notice the power button
  movw $0x0100,%ax
  outw %ax,%dx
  inb $0xa1,%al           # and let its interrupt alone, which nothing here would take back
  orb $0x02,%al
  outb %al,$0xa1
  sti
  movw $0,0x0500          # counter in RAM
again:
  movw $0x0600,%dx        # PM1_STS: pressed?
  inw %dx,%ax
  testw $0x0100,%ax
  jz 4f
  movw $0x0604,%dx        # PM1_CNT: soft off
  movw $0x2000,%ax
  outw %ax,%dx
4:
  incw 0x0500
  movw 0x0500,%bx
  movw $4,%cx
1: rolw $4,%bx
  movb %bl,%al
  andb $0x0f,%al
  addb $0x30,%al
  cmpb $0x39,%al
  jbe 2f
  addb $7,%al
2: call putc
  loop 1b
  movb $13,%al
  call putc
  movb $10,%al
  call putc
  # wait ~ 9 ticks (0.5s)
  movw $9,%cx
3: hlt
  loop 3b
  jmp again
putc:
  movw $0x3f8,%dx
  outb %al,%dx
  ret
.org 510
.word 0xaa55
