# A guest that goes to sleep by itself, in one boot sector: suspended to memory (S3) as soon as it is booted, once.
#
# Without an agent inside nobody can ask a guest to sleep, and what libvirt does with one that does is worth knowing.
# Woken, the machine boots again; a mark in the clock's memory, which outlives that, tells it to stay awake.

        .code16
        .text
        .globl  _start

        .set    CLOCK_INDEX, 0x70
        .set    CLOCK_DATA, 0x71
        .set    UNUSED, 0x60                    # a byte of the clock's memory that the firmware leaves alone
        .set    MARK, 0x5a
        .set    PM_CONTROL, 0x604               # where the firmware puts the PIIX4's power management control
        .set    SLEEP_TO_MEMORY, 0x2400         # sleep enable, with type 1

_start:
        cli
        movb    $UNUSED, %al
        outb    %al, $CLOCK_INDEX
        inb     $CLOCK_DATA, %al
        cmpb    $MARK, %al
        je      awake

        movb    $UNUSED, %al
        outb    %al, $CLOCK_INDEX
        movb    $MARK, %al
        outb    %al, $CLOCK_DATA
        movw    $PM_CONTROL, %dx
        movw    $SLEEP_TO_MEMORY, %ax
        outw    %ax, %dx

awake:
        hlt
        jmp     awake

        .org    510
        .word   0xaa55                          # what makes a sector bootable
