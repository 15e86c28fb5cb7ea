namespace Evo.Data;

/// <summary>What a name in a pickle stands for. There is no case that runs anything.</summary>
internal enum GlobalKind
{
    /// <summary>An empty ordered dictionary when called without arguments.</summary>
    OrderedDict,

    /// <summary>A view of a storage when called with storage, offset, sizes, strides, requires_grad, hooks.</summary>
    RebuildTensor,

    /// <summary>The same with a dtype behind the hooks.</summary>
    RebuildTensorOfType,

    /// <summary>The tensor that is its first argument.</summary>
    RebuildParameter,

    /// <summary>The tuple that is its argument.</summary>
    Size,

    /// <summary>The element type of a storage; never called.</summary>
    StorageType,

    /// <summary>An element type; never called.</summary>
    ElementType,

    /// <summary>The dictionary that InternEvo keeps settings in: an empty one when made without arguments; never called.</summary>
    Settings,
}

/// <summary>The list of names that may stand in a pickle. Every other name is refused where it stands, before anything could use it.</summary>
internal static class TorchGlobals
{
    private static readonly Dictionary<string, PickleGlobal> Allowed = Make();

    /// <summary>The name's meaning, or null where it is not on the list.</summary>
    public static PickleGlobal? Find(string module, string name) => Allowed.GetValueOrDefault($"{module}.{name}");

    private static Dictionary<string, PickleGlobal> Make()
    {
        var all = new Dictionary<string, PickleGlobal>(StringComparer.Ordinal);
        void Add(string name, GlobalKind does, SafeTensorType? type = null) => all.Add(name, new PickleGlobal(name, does, type));
        Add("collections.OrderedDict", GlobalKind.OrderedDict);
        Add("torch._utils._rebuild_tensor_v2", GlobalKind.RebuildTensor);
        Add("torch._utils._rebuild_tensor_v3", GlobalKind.RebuildTensorOfType);
        Add("torch._utils._rebuild_parameter", GlobalKind.RebuildParameter);
        Add("torch.Size", GlobalKind.Size);
        Add("torch.storage.UntypedStorage", GlobalKind.StorageType);
        Add("torch.UntypedStorage", GlobalKind.StorageType);
        Add("internlm.core.context.parallel_context.Config", GlobalKind.Settings);
        foreach (var (storage, type) in ((string, SafeTensorType)[])[
            ("Double", SafeTensorType.F64), ("Float", SafeTensorType.F32), ("Half", SafeTensorType.F16), ("BFloat16", SafeTensorType.BF16),
            ("Long", SafeTensorType.I64), ("Int", SafeTensorType.I32), ("Short", SafeTensorType.I16), ("Char", SafeTensorType.I8),
            ("Byte", SafeTensorType.U8), ("Bool", SafeTensorType.BOOL), ("ComplexFloat", SafeTensorType.C64)])
            Add($"torch.{storage}Storage", GlobalKind.StorageType, type);
        foreach (var (dtype, type) in ((string, SafeTensorType)[])[
            ("float64", SafeTensorType.F64), ("float32", SafeTensorType.F32), ("float16", SafeTensorType.F16), ("bfloat16", SafeTensorType.BF16),
            ("int64", SafeTensorType.I64), ("int32", SafeTensorType.I32), ("int16", SafeTensorType.I16), ("int8", SafeTensorType.I8),
            ("uint64", SafeTensorType.U64), ("uint32", SafeTensorType.U32), ("uint16", SafeTensorType.U16), ("uint8", SafeTensorType.U8),
            ("bool", SafeTensorType.BOOL), ("complex64", SafeTensorType.C64), ("float8_e4m3fn", SafeTensorType.F8_E4M3),
            ("float8_e5m2", SafeTensorType.F8_E5M2), ("float8_e4m3fnuz", SafeTensorType.F8_E4M3FNUZ), ("float8_e5m2fnuz", SafeTensorType.F8_E5M2FNUZ)])
            Add($"torch.{dtype}", GlobalKind.ElementType, type);
        return all;
    }
}
