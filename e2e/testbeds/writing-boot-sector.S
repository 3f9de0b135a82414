.code16
.globl _start
_start:
  cli
  xorw %ax,%ax
  movw %ax,%ds
  movw %ax,%ss
  movw $0x7000,%sp
  sti
  movl $0,0x8000          # the count, at the start of what is written
tick:
  hlt                     # 18.2 times a second
  movw $4,%cx             # patched: writes a tick
1: pushw %cx
  incl 0x8000
  movl 0x8000,%eax
  andl $511,%eax          # 512 places, 128 KiB apart
  shll $8,%eax
  addl $131136,%eax       # from 64 MiB on, in the middle between two multiples of 64 KiB
  movl %eax,packet+8
  movw $packet,%si
  movb $0x80,%dl
  movw $0x4300,%ax
  int $0x13
  popw %cx
  loop 1b
  jmp tick
packet:
  .byte 16,0
  .word 127
  .word 0x8000,0
  .long 0,0
.org 510
.word 0xaa55
