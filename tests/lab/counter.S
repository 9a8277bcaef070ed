# A guest whose memory can be seen from outside: it counts in a register and writes every value to the first serial port.
#
# The boot sector is loaded at 0x7c00 in real mode. %ebx is the counter: it exists nowhere but in the guest, so a value
# that goes on after a revert or on another host was restored with the machine's state. Between two values the processor
# halts until the timer's next tick, so a running guest costs next to nothing.

        .code16
        .text
        .globl  _start

        .set    SERIAL, 0x3f8                   # transmit register of the first serial port
        .set    TIMER_DATA, 0x40                # channel 0 of the interval timer
        .set    TIMER_COMMAND, 0x43
        .set    TICKS_PER_SECOND, 100
        .set    DIVISOR, 1193182 / TICKS_PER_SECOND

_start:
        cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ss
        movw    $0x7c00, %sp                    # the stack grows down, away from this code

        movb    $0x34, %al                      # channel 0, low byte then high byte, rate generator
        outb    %al, $TIMER_COMMAND
        movb    $(DIVISOR & 0xff), %al
        outb    %al, $TIMER_DATA
        movb    $(DIVISOR >> 8), %al
        outb    %al, $TIMER_DATA

        xorl    %ebx, %ebx
        movw    $SERIAL, %dx

count:
        incl    %ebx
        movl    %ebx, %esi                      # rotated below: its top digit comes first
        movw    $8, %cx

digit:
        roll    $4, %esi
        movl    %esi, %eax
        andb    $0x0f, %al
        addb    $'0', %al
        cmpb    $'9', %al
        jbe     write
        addb    $('a' - '9' - 1), %al
write:
        outb    %al, %dx
        loop    digit

        movb    $'\n', %al
        outb    %al, %dx

        sti                                     # the firmware's own handler answers the tick
        hlt
        jmp     count

        .org    510
        .word   0xaa55                          # what makes a sector bootable
