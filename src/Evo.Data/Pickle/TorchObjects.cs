namespace Evo.Data;

/// <summary>The calls that a pickle of tensors makes, as what they mean. Each looks at its arguments and gives a value.</summary>
internal static class TorchObjects
{
    private const int MostDims = 64;

    /// <summary>What calling a name with arguments gives.</summary>
    public static PickleValue Call(PickleValue callee, PickleValue arguments, Func<string, string, DataException> bad)
    {
        if (callee is not PickleGlobal { Does: var does } global) throw bad($"a call of {callee.Kind}", "only names may be called");
        if (arguments is not PickleTuple { Items: var items }) throw bad($"{global.Name} called with {arguments.Kind}", "arguments must be a tuple");
        return does switch
        {
            GlobalKind.OrderedDict when items.Length == 0 => new PickleDict(),
            GlobalKind.RebuildTensor when items is [PickleStorage { Type: { } type } storage, .. { Length: 5 or 6 } rest] => Tensor(storage, type, rest, bad),
            GlobalKind.RebuildTensorOfType when items is [PickleStorage { Type: null } storage, _, _, _, _, _, PickleGlobal { Does: GlobalKind.ElementType, Type: { } type }, ..]
                && items.Length <= 8 => Tensor(storage, type, items[1..], bad),
            GlobalKind.RebuildParameter when items is [PickleTensor tensor, _, _] => tensor,
            GlobalKind.Size when items is [PickleTuple sizes] => sizes,
            _ => throw bad($"{global.Name} called with {string.Join(", ", items.Take(8).Select(item => item.Kind))}", "arguments must be those that torch.save writes"),
        };
    }

    /// <summary>What making an object of a name gives: of InternEvo's settings an empty dictionary, of anything else nothing.</summary>
    public static PickleValue New(PickleValue made, PickleValue arguments, Func<string, string, DataException> bad) =>
        made is PickleGlobal { Does: GlobalKind.Settings } && arguments is PickleTuple { Items.Length: 0 } ? new PickleDict()
            : throw bad($"opcode NEWOBJ of {made.Kind}", "only InternEvo's dictionary of settings may be made, from nothing");

    /// <summary>The storage that a persistent id names: ('storage', type, key, device, elements).</summary>
    public static PickleStorage Storage(PickleValue id, Func<string, string, DataException> bad)
    {
        if (id is not PickleTuple { Items: [PickleText { Value: "storage" }, PickleGlobal { Does: GlobalKind.StorageType } type, PickleText key, PickleText, PickleNumber elements] })
            throw bad($"a persistent id that is {id.Kind}", "it must be ('storage', type, key, device, elements)");
        if (elements.Value < 0) throw bad($"a storage of {elements.Value} elements", "a number of elements must not be negative");
        return new PickleStorage(key.Value, type.Type, elements.Value);
    }

    // offset, sizes, strides, ...
    private static PickleTensor Tensor(PickleStorage storage, SafeTensorType type, ReadOnlySpan<PickleValue> rest, Func<string, string, DataException> bad)
    {
        if (rest[0] is not PickleNumber { Value: >= 0 and var offset } || rest[1] is not PickleTuple sizes || rest[2] is not PickleTuple strides)
            throw bad($"a tensor from {rest[0].Kind}, {rest[1].Kind}, {rest[2].Kind}", "it must be made of offset, sizes and strides");
        var shape = Numbers(sizes, "size", bad);
        var steps = Numbers(strides, "stride", bad);
        if (shape.Length != steps.Length) throw bad($"{shape.Length} sizes and {steps.Length} strides", "there must be one stride for each size");
        var width = type.Bits() / 8;
        var available = storage.Type is null ? storage.Elements / width : storage.Elements;
        // Elements of a view are elements of its storage: a claimed shape is never larger than what the file holds.
        if (type.ByteCount(shape) is not { } bytes || bytes / width > available)
            throw bad($"a tensor [{string.Join(", ", shape)}] over {available} elements", "a tensor must not have more elements than its storage");
        if (bytes > 0)
            try
            {
                var last = offset;
                for (var dim = 0; dim < shape.Length; dim++) last = checked(last + (shape[dim] - 1) * steps[dim]);
                if (last >= available) throw bad($"a tensor up to element {last} of {available}", "a tensor must lie inside its storage");
            }
            catch (OverflowException)
            {
                throw bad($"strides [{string.Join(", ", steps)}]", "a tensor must lie inside its storage");
            }
        return new PickleTensor(storage, type, offset, shape, steps);
    }

    private static long[] Numbers(PickleTuple tuple, string what, Func<string, string, DataException> bad)
    {
        if (tuple.Items.Length > MostDims) throw bad($"a tensor of {tuple.Items.Length} dims", $"it must have at most {MostDims}");
        var numbers = new long[tuple.Items.Length];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = tuple.Items[i] is PickleNumber { Value: >= 0 and var value } number ? value
                : throw bad($"a {what} that is {(tuple.Items[i] is PickleNumber { Value: var negative } ? $"{negative}" : tuple.Items[i].Kind)}", $"a {what} must be a number of 0 or more");
        return numbers;
    }
}
