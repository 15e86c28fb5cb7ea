namespace Evo.Data;

/// <summary>The opcodes of pickles by Python's names: the ones that are read, and the ones that are only known well enough to be refused by name.</summary>
internal enum PickleOp : byte
{
    MARK = (byte)'(', STOP = (byte)'.', POP = (byte)'0', POP_MARK = (byte)'1', DUP = (byte)'2',
    BINFLOAT = (byte)'G', BININT = (byte)'J', BININT1 = (byte)'K', BININT2 = (byte)'M', NONE = (byte)'N',
    BINPERSID = (byte)'Q', REDUCE = (byte)'R', BINUNICODE = (byte)'X', APPEND = (byte)'a', BUILD = (byte)'b', GLOBAL = (byte)'c',
    EMPTY_DICT = (byte)'}', APPENDS = (byte)'e', BINGET = (byte)'h', LONG_BINGET = (byte)'j', EMPTY_LIST = (byte)']',
    BINPUT = (byte)'q', LONG_BINPUT = (byte)'r', SETITEM = (byte)'s', TUPLE = (byte)'t', EMPTY_TUPLE = (byte)')', SETITEMS = (byte)'u',
    PROTO = 0x80, NEWOBJ = 0x81, TUPLE1 = 0x85, TUPLE2 = 0x86, TUPLE3 = 0x87, NEWTRUE = 0x88, NEWFALSE = 0x89, LONG1 = 0x8a, LONG4 = 0x8b,
    BINBYTES = (byte)'B', SHORT_BINBYTES = (byte)'C',
    SHORT_BINUNICODE = 0x8c, BINUNICODE8 = 0x8d, BINBYTES8 = 0x8e, STACK_GLOBAL = 0x93, MEMOIZE = 0x94, FRAME = 0x95,

    // Refused: they make objects of any class, or torch.save never writes them.
    FLOAT = (byte)'F', INT = (byte)'I', LONG = (byte)'L', PERSID = (byte)'P', STRING = (byte)'S', UNICODE = (byte)'V', DICT = (byte)'d',
    GET = (byte)'g', INST = (byte)'i', LIST = (byte)'l', OBJ = (byte)'o', PUT = (byte)'p', BINSTRING = (byte)'T', SHORT_BINSTRING = (byte)'U',
    EXT1 = 0x82, EXT2 = 0x83, EXT4 = 0x84, EMPTY_SET = 0x8f, ADDITEMS = 0x90, FROZENSET = 0x91, NEWOBJ_EX = 0x92,
    BYTEARRAY8 = 0x96, NEXT_BUFFER = 0x97, READONLY_BUFFER = 0x98,
}
