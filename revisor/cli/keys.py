"""The keys of a keyboard, by number or by Linux's name for them."""

import re

from revisor.cli.verb import BadValue

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+", re.ASCII)

# The order in which linux/input-event-codes.h counts them, from 1 on; a dash where no key has the number.
_NAMES = """
    ESC 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE TAB Q W E R T Y U I O P LEFTBRACE RIGHTBRACE ENTER LEFTCTRL A
    S D F G H J K L SEMICOLON APOSTROPHE GRAVE LEFTSHIFT BACKSLASH Z X C V B N M COMMA DOT SLASH RIGHTSHIFT
    KPASTERISK LEFTALT SPACE CAPSLOCK F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUMLOCK SCROLLLOCK KP7 KP8 KP9 KPMINUS KP4
    KP5 KP6 KPPLUS KP1 KP2 KP3 KP0 KPDOT - ZENKAKUHANKAKU 102ND F11 F12 RO KATAKANA HIRAGANA HENKAN
    KATAKANAHIRAGANA MUHENKAN KPJPCOMMA KPENTER RIGHTCTRL KPSLASH SYSRQ RIGHTALT LINEFEED HOME UP PAGEUP LEFT
    RIGHT END DOWN PAGEDOWN INSERT DELETE MACRO MUTE VOLUMEDOWN VOLUMEUP POWER KPEQUAL KPPLUSMINUS PAUSE SCALE
    KPCOMMA HANGEUL HANJA YEN LEFTMETA RIGHTMETA COMPOSE STOP AGAIN PROPS UNDO FRONT COPY OPEN PASTE FIND CUT
    HELP MENU CALC SETUP SLEEP WAKEUP FILE SENDFILE DELETEFILE XFER PROG1 PROG2 WWW MSDOS COFFEE ROTATE_DISPLAY
    CYCLEWINDOWS MAIL BOOKMARKS COMPUTER BACK FORWARD CLOSECD EJECTCD EJECTCLOSECD NEXTSONG PLAYPAUSE
    PREVIOUSSONG STOPCD RECORD REWIND PHONE ISO CONFIG HOMEPAGE REFRESH EXIT MOVE EDIT SCROLLUP SCROLLDOWN
    KPLEFTPAREN KPRIGHTPAREN NEW REDO F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24 - - - - - PLAYCD PAUSECD
    PROG3 PROG4 ALL_APPLICATIONS SUSPEND CLOSE PLAY FASTFORWARD BASSBOOST PRINT HP CAMERA SOUND QUESTION EMAIL
    CHAT SEARCH CONNECT FINANCE SPORT SHOP ALTERASE CANCEL BRIGHTNESSDOWN BRIGHTNESSUP MEDIA SWITCHVIDEOMODE
    KBDILLUMTOGGLE KBDILLUMDOWN KBDILLUMUP SEND REPLY FORWARDMAIL SAVE DOCUMENTS BATTERY BLUETOOTH WLAN UWB
    UNKNOWN VIDEO_NEXT VIDEO_PREV BRIGHTNESS_CYCLE BRIGHTNESS_AUTO DISPLAY_OFF WWAN RFKILL MICMUTE
"""

# What virsh knows some of them by, as Linux did before.
_FORMER = {"SCREENLOCK": "COFFEE", "DIRECTION": "ROTATE_DISPLAY", "DASHBOARD": "ALL_APPLICATIONS"}
_FORMER |= {"BRIGHTNESS_ZERO": "BRIGHTNESS_AUTO", "WIMAX": "WWAN"}

LINUX = {f"KEY_{name}": number for number, name in enumerate(_NAMES.split(), start=1) if name != "-"}
LINUX |= {f"KEY_{former}": LINUX[f"KEY_{name}"] for former, name in _FORMER.items()}


def number_of(key: str, codeset: str) -> int:
    """The number of a key in a code set. As in C, 0x begins a hexadecimal number and 0 an octal one.

    Raises BadValue.
    """
    if codeset == "linux" and key in LINUX:
        return LINUX[key]
    number = _number(key)
    if number is None or not 0 < number <= 0xFFFF:
        raise BadValue(
            f"invalid keycode: '{key}'",
            field="keycode",
            value=key,
            accepted="a number from 1 to 65535" + (", or a name such as KEY_ENTER" if codeset == "linux" else ""),
        )
    return number


def _number(text: str) -> int | None:
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return int(text, 8 if text[0] == "0" and text.isdigit() else 0)
    except ValueError:  # 08
        return None
