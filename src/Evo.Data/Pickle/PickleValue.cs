namespace Evo.Data;

/// <summary>
/// What a pickle may hold: plain values, containers of them, and the few kinds of object that torch.save writes. Values are
/// data; none of them can do anything.
/// </summary>
internal abstract class PickleValue
{
    /// <summary>Levels of containers in it; 0 for a plain value. Kept while building, so that nothing ever has to walk the value.</summary>
    public int Depth { get; protected set; }

    /// <summary>Whether it is part of another container and so must not change any more: what makes a value that contains itself impossible.</summary>
    public bool Placed { get; set; }

    /// <summary>What it is, in a person's words.</summary>
    public abstract string Kind { get; }

    /// <summary>Counts a value that was put into this container.</summary>
    protected void Take(PickleValue part)
    {
        part.Placed = true;
        Depth = Math.Max(Depth, part.Depth + 1);
    }
}

internal sealed class PickleNone : PickleValue
{
    public static PickleNone Value { get; } = new();
    public override string Kind => "None";
}

internal sealed class PickleBool(bool value) : PickleValue
{
    public static PickleBool True { get; } = new(true);
    public static PickleBool False { get; } = new(false);
    public bool Value => value;
    public override string Kind => value ? "True" : "False";
}

internal sealed class PickleNumber(long value) : PickleValue
{
    public long Value => value;
    public override string Kind => "a number";
}

/// <summary>A float, or bytes: they may stand in a file, and nothing here needs what they hold.</summary>
internal sealed class PickleOpaque(string kind) : PickleValue
{
    public override string Kind => kind;
}

internal sealed class PickleText(string value) : PickleValue
{
    public string Value => value;
    public override string Kind => "a text";
}

internal sealed class PickleTuple : PickleValue
{
    public PickleTuple(PickleValue[] items)
    {
        Items = items;
        foreach (var item in items) Take(item);
    }

    public PickleValue[] Items { get; }
    public override string Kind => $"a tuple of {Items.Length}";
}

internal sealed class PickleList : PickleValue
{
    public override string Kind => "a list";

    /// <summary>Nothing that torch.save writes of tensors needs the items of a list: they are counted, not kept.</summary>
    public void Add(PickleValue item) => Take(item);
}

internal sealed class PickleDict : PickleValue
{
    private readonly List<(PickleValue Key, PickleValue Value)> entries = new(0);

    /// <summary>In the order in which they were put.</summary>
    public IReadOnlyList<(PickleValue Key, PickleValue Value)> Entries => entries;

    public override string Kind => "a dictionary";

    public void Add(PickleValue key, PickleValue value)
    {
        Take(key);
        Take(value);
        entries.Add((key, value));
    }
}

/// <summary>A name on the list of those that may stand in a file.</summary>
internal sealed class PickleGlobal(string name, GlobalKind does, SafeTensorType? type = null) : PickleValue
{
    /// <summary>Module and name, joined by a dot.</summary>
    public string Name => name;

    /// <summary>What it stands for.</summary>
    public GlobalKind Does => does;

    /// <summary>The element type of a storage type or a dtype; null for a storage of bytes without one.</summary>
    public SafeTensorType? Type => type;

    public override string Kind => name;
}

/// <summary>Bytes that lie in an entry of the archive.</summary>
internal sealed class PickleStorage(string key, SafeTensorType? type, long elements) : PickleValue
{
    /// <summary>Name of the entry below <c>data/</c>.</summary>
    public string Key => key;

    /// <summary>Element type; null where the tensor over it says it, and elements are bytes then.</summary>
    public SafeTensorType? Type => type;

    /// <summary>Elements in it, as the pickle says.</summary>
    public long Elements => elements;

    public override string Kind => "a storage";
}

/// <summary>A tensor: a view of a storage.</summary>
internal sealed class PickleTensor(PickleStorage storage, SafeTensorType type, long offset, long[] sizes, long[] strides) : PickleValue
{
    public PickleStorage Storage => storage;
    public SafeTensorType Type => type;

    /// <summary>First element, counted from the storage's start.</summary>
    public long Offset => offset;
    public long[] Sizes => sizes;

    /// <summary>Elements between neighbours of each dim.</summary>
    public long[] Strides => strides;
    public override string Kind => "a tensor";
}
