"""How the name of a snapshot or a checkpoint stands in a path: it may hold anything but end the path, even a line end.

The framework's own ``path`` stops at a line end. It knows kinds of its users only by a register, in which this one
stands from import on, because paths are read where they are declared.
"""

from starlette.convertors import PathConvertor, register_url_convertor


class _MomentName(PathConvertor):
    regex = r"(?s:.*)"


register_url_convertor("moment", _MomentName())

SNAPSHOT = "/snapshots/{name:moment}"
CHECKPOINT = "/checkpoints/{name:moment}"
