using System.Buffers.Binary;
using System.Text;

namespace Evo.Data;

/// <summary>
/// Reads a pickle as data. It is a machine with a stack and a memo, as Python's is, but it knows no object: names are looked up
/// in <see cref="TorchGlobals"/>, calls are the seven of <see cref="TorchObjects"/>, and whatever else a pickle can ask for is
/// refused with its byte position. What it holds in memory is bounded by the pickle's length: nothing is made larger by a number
/// that the pickle claims.
/// </summary>
internal sealed class Unpickler
{
    // A model of 100,000 tensors needs about 20 values for each of them.
    private const int MostValues = 1 << 22, MostDepth = 100, MostNameBytes = 200;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string path;
    private readonly byte[] pickle;
    private readonly List<PickleValue> stack = [];
    private readonly List<int> marks = [];
    private readonly Dictionary<uint, PickleValue> memo = [];
    private int at, operation, values;

    private Unpickler(string path, byte[] pickle) => (this.path, this.pickle) = (path, pickle);

    /// <summary>The one value that a pickle holds.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="pickle">The whole pickle.</param>
    /// <exception cref="DataException">It is damaged, or asks for something that is not on the list.</exception>
    public static PickleValue Read(string path, byte[] pickle) => new Unpickler(path, pickle).Run();

    private PickleValue Run()
    {
        while (true)
        {
            operation = at;
            var op = (PickleOp)Take(1)[0];
            if (op == PickleOp.STOP) break;
            Execute(op);
        }
        if (at != pickle.Length) throw Bad($"{pickle.Length - at} bytes follow the end", "a pickle must end with its last opcode");
        return stack.Count == 1 && marks.Count == 0 ? stack[0] : throw Bad($"{stack.Count} values are left at the end", "exactly one must be");
    }

    private void Execute(PickleOp op)
    {
        switch (op)
        {
            case PickleOp.PROTO:
                if (Take(1)[0] is not (>= 2 and <= 5) and var protocol) throw Bad($"protocol {protocol}", "it must be 2 to 5");
                break;
            case PickleOp.FRAME: Announced(Long()); break;
            case PickleOp.MARK: Mark(); break;
            case PickleOp.POP: Pop(); break;
            case PickleOp.POP_MARK: PopToMark(); break;
            case PickleOp.DUP: Push(Top()); break;
            case PickleOp.NONE: Push(PickleNone.Value); break;
            case PickleOp.NEWTRUE: Push(PickleBool.True); break;
            case PickleOp.NEWFALSE: Push(PickleBool.False); break;
            case PickleOp.BININT: Make(new PickleNumber(BinaryPrimitives.ReadInt32LittleEndian(Take(4)))); break;
            case PickleOp.BININT1: Make(new PickleNumber(Take(1)[0])); break;
            case PickleOp.BININT2: Make(new PickleNumber(BinaryPrimitives.ReadUInt16LittleEndian(Take(2)))); break;
            case PickleOp.LONG1: Make(new PickleNumber(Integer(Take(Take(1)[0])))); break;
            case PickleOp.LONG4: Make(new PickleNumber(Integer(Bytes(Int())))); break;
            case PickleOp.BINFLOAT: Take(8); Make(new PickleOpaque("a float")); break;
            case PickleOp.BINUNICODE: Text(UInt()); break;
            case PickleOp.SHORT_BINUNICODE: Text(Take(1)[0]); break;
            case PickleOp.BINUNICODE8: Text(Long()); break;
            case PickleOp.BINBYTES: Bytes(UInt()); Make(new PickleOpaque("bytes")); break;
            case PickleOp.SHORT_BINBYTES: Bytes(Take(1)[0]); Make(new PickleOpaque("bytes")); break;
            case PickleOp.BINBYTES8: Bytes(Long()); Make(new PickleOpaque("bytes")); break;
            case PickleOp.EMPTY_TUPLE: Make(new PickleTuple([])); break;
            case PickleOp.TUPLE: Make(new PickleTuple(PopToMark())); break;
            case PickleOp.TUPLE1: Make(new PickleTuple(Pop(1))); break;
            case PickleOp.TUPLE2: Make(new PickleTuple(Pop(2))); break;
            case PickleOp.TUPLE3: Make(new PickleTuple(Pop(3))); break;
            case PickleOp.EMPTY_LIST: Make(new PickleList()); break;
            case PickleOp.EMPTY_DICT: Make(new PickleDict()); break;
            case PickleOp.APPEND: Append([Pop()]); break;
            case PickleOp.APPENDS: Append(PopToMark()); break;
            case PickleOp.SETITEM: Set(Pop(2)); break;
            case PickleOp.SETITEMS: Set(PopToMark()); break;
            case PickleOp.BINPUT: Remember(Take(1)[0]); break;
            case PickleOp.LONG_BINPUT: Remember(UInt()); break;
            case PickleOp.MEMOIZE: Remember((uint)memo.Count); break;
            case PickleOp.BINGET: Recall(Take(1)[0]); break;
            case PickleOp.LONG_BINGET: Recall(UInt()); break;
            case PickleOp.GLOBAL: var module = Line(); Global(module, Line()); break;
            case PickleOp.STACK_GLOBAL: Global(Pop(2)); break;
            case PickleOp.REDUCE: var call = Pop(2); Make(TorchObjects.Call(call[0], call[1], Bad)); break;
            case PickleOp.NEWOBJ: var made = Pop(2); Make(TorchObjects.New(made[0], made[1], Bad)); break;
            case PickleOp.BINPERSID: Make(TorchObjects.Storage(Pop(), Bad)); break;
            case PickleOp.BUILD: Build(Pop()); break;
            default:
                throw Bad(Enum.IsDefined(op) ? $"opcode {op}{Named(op)}" : $"unknown opcode 0x{(byte)op:x2}",
                    "only what torch.save writes of tensors is read, and nothing of a file is ever executed");
        }
    }

    private void Global(string module, string name) => Push(TorchGlobals.Find(module, name) ?? throw Bad(
        $"it names {Shown.Text($"{module}.{name}")}", "only tensors, their storages and ordered dictionaries may be named; nothing of a file is ever executed",
        "do not trust this file: ask its author for safetensors"));

    private void Global(PickleValue[] names)
    {
        if (names is not [PickleText module, PickleText name]) throw Bad("STACK_GLOBAL without two texts", "a name must be text");
        Global(module.Value, name.Value);
    }

    // INST carries the name of a class: worth telling.
    private string Named(PickleOp op) => op == PickleOp.INST ? $" of {Shown.Text($"{Line()}.{Line()}")}" : "";

    private void Build(PickleValue state)
    {
        // Only attributes of an ordered dictionary, as state_dict() has its _metadata; they say nothing about tensors.
        if (Top() is not PickleDict || state is not PickleDict)
            throw Bad($"BUILD of {Top().Kind} from {state.Kind}", "only attributes of a dictionary may be set");
        Changing(Top(), [state]);
        state.Placed = true;
    }

    private void Append(PickleValue[] items)
    {
        if (Top() is not PickleList list) throw Bad($"items for {Top().Kind}", "only a list takes items");
        Changing(list, items);
        foreach (var item in items) list.Add(item);
        Limit(list);
    }

    private void Set(PickleValue[] pairs)
    {
        if (Top() is not PickleDict dict) throw Bad($"keys for {Top().Kind}", "only a dictionary takes keys");
        if (pairs.Length % 2 != 0) throw Bad("a key without a value", "keys and values must come in pairs");
        Changing(dict, pairs);
        for (var i = 0; i < pairs.Length; i += 2)
        {
            if (pairs[i] is not (PickleText or PickleNumber)) throw Bad($"{pairs[i].Kind} as a key", "a key must be a text or a number");
            dict.Add(pairs[i], pairs[i + 1]);
        }
        Limit(dict);
    }

    // What is part of something else is finished: so no value can come to contain itself.
    private void Changing(PickleValue container, PickleValue[] parts)
    {
        const string rule = "values must not contain themselves";
        if (container.Placed) throw Bad($"{container.Kind} changes after it was put into another", rule);
        if (parts.Contains(container)) throw Bad($"{container.Kind} inside itself", rule);
    }

    private void Limit(PickleValue container)
    {
        if (container.Depth > MostDepth) throw Bad($"containers more than {MostDepth} deep", $"they must be at most {MostDepth} deep");
    }

    private void Remember(uint number)
    {
        Count();
        if (!memo.TryAdd(number, Top())) throw Bad($"memo {number} is given twice", "a memo number is given once");
    }

    private void Recall(uint number) => Push(memo.GetValueOrDefault(number) ?? throw Bad($"memo {number} was never given", "what is recalled must have been remembered"));

    private void Mark()
    {
        Count();
        marks.Add(stack.Count);
    }

    private void Make(PickleValue value)
    {
        Count();
        Limit(value);
        Push(value);
    }

    private void Push(PickleValue value) => stack.Add(value);

    private void Count()
    {
        if (++values > MostValues) throw Bad($"more than {MostValues} values", "a file of tensors needs fewer");
    }

    private int Floor => marks.Count > 0 ? marks[^1] : 0;

    private PickleValue Top() => stack.Count > Floor ? stack[^1] : throw Bad("the stack is empty", "every opcode must find what it works on");

    private PickleValue Pop()
    {
        var top = Top();
        stack.RemoveAt(stack.Count - 1);
        return top;
    }

    private PickleValue[] Pop(int count)
    {
        if (stack.Count - Floor < count) throw Bad($"{stack.Count - Floor} values where {count} are needed", "every opcode must find what it works on");
        var items = stack.GetRange(stack.Count - count, count).ToArray();
        stack.RemoveRange(stack.Count - count, count);
        return items;
    }

    private PickleValue[] PopToMark()
    {
        if (marks.Count == 0) throw Bad("no mark", "every opcode must find what it works on");
        var items = Pop(stack.Count - Floor);
        marks.RemoveAt(marks.Count - 1);
        return items;
    }

    private ReadOnlySpan<byte> Take(int count) => Bytes(count);

    private ReadOnlySpan<byte> Bytes(long count)
    {
        var bytes = pickle.AsSpan(at, Announced(count));
        at += bytes.Length;
        return bytes;
    }

    // No length is believed before the bytes are known to be there.
    private int Announced(long count) => count >= 0 && count <= pickle.Length - at ? (int)count
        : throw Bad($"{count} bytes are announced where {pickle.Length - at} follow", "the pickle must hold what it announces");

    private int Int() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));
    private uint UInt() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
    private long Long() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    private void Text(long bytes)
    {
        try
        {
            Make(new PickleText(Strict.GetString(Bytes(bytes))));
        }
        catch (DecoderFallbackException)
        {
            throw Bad("a text that is no UTF-8", "texts must be UTF-8");
        }
    }

    private string Line()
    {
        var rest = pickle.AsSpan(at, Math.Min(pickle.Length - at, MostNameBytes));
        var end = rest.IndexOf((byte)'\n');
        if (end < 0) throw Bad($"a name of more than {rest.Length} bytes", $"a name must end within {MostNameBytes} bytes");
        at += end + 1;
        return Encoding.UTF8.GetString(rest[..end]);
    }

    // Little-endian two's complement of any length; what needs more than 64 bits is no size of anything.
    private long Integer(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 8) throw Bad($"a number of {bytes.Length} bytes", "a number must fit 64 bits");
        var value = bytes.Length > 0 && bytes[^1] >= 0x80 ? -1L : 0L;
        for (var i = bytes.Length - 1; i >= 0; i--) value = (value << 8) | bytes[i];
        return value;
    }

    private DataException Bad(string found, string rule) => Bad(found, rule, null);

    private DataException Bad(string found, string rule, string? next) => new($"{path}, data.pkl, byte {operation}", found, rule, next);
}
