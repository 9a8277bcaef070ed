# A guest that obeys, in one boot sector: it turns itself off when its power button is pressed.
#
# The counter guest of the lab cannot hear, so `shutdown` and `reboot` would leave no trace on it. This one asks the
# machine's power management to tell of the button, and looks for it at every tick of the timer. It writes a B to the
# first serial port when it boots and a dot at each look: a log that grows is a guest that will hear the button.

        .code16
        .text
        .globl  _start

        .set    SERIAL, 0x3f8                   # transmit register of the first serial port
        .set    PM_STATUS, 0x600                # where the firmware puts the PIIX4's power management block
        .set    PM_ENABLE, PM_STATUS + 2
        .set    PM_CONTROL, PM_STATUS + 4
        .set    POWER_BUTTON, 0x0100            # the same bit in status and enable
        .set    SLEEP_OFF, 0x2000               # sleep enable, with type 0: soft off

_start:
        cli
        xorw    %ax, %ax
        movw    %ax, %ss
        movw    $0x7c00, %sp                    # the stack grows down, away from this code

        movw    $PM_STATUS, %dx
        movw    $POWER_BUTTON, %ax
        outw    %ax, %dx                        # writing a status bit clears it
        movw    $PM_ENABLE, %dx
        outw    %ax, %dx

        movw    $SERIAL, %dx
        movb    $'B', %al
        outb    %al, %dx

listen:
        movw    $SERIAL, %dx
        movb    $'.', %al
        outb    %al, %dx

        movw    $PM_STATUS, %dx
        inw     %dx, %ax
        testw   $POWER_BUTTON, %ax
        jnz     off

        sti                                     # the firmware's own handler answers the tick, 18 times a second
        hlt
        cli
        jmp     listen

off:
        movw    $PM_CONTROL, %dx
        movw    $SLEEP_OFF, %ax
        outw    %ax, %dx
        jmp     listen

        .org    510
        .word   0xaa55                          # what makes a sector bootable
