using Evo.Data;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Tensors in safetensors files: read in place, written without a second copy.</summary>
public static class TensorFiles
{
    private static readonly (SafeTensorType File, ScalarType Torch, string Name)[] Types =
    [
        (SafeTensorType.F64, float64, "float64"), (SafeTensorType.F32, float32, "float32"), (SafeTensorType.F16, float16, "float16"),
        (SafeTensorType.BF16, bfloat16, "bfloat16"), (SafeTensorType.I64, int64, "int64"), (SafeTensorType.I32, int32, "int32"),
        (SafeTensorType.U8, uint8, "uint8"), (SafeTensorType.BOOL, @bool, "bool"),
    ];

    /// <summary>The type in torch, or null where there is none.</summary>
    public static ScalarType? TorchType(SafeTensorType type) => Types.Where(t => t.File == type).Select(t => (ScalarType?)t.Torch).FirstOrDefault();

    /// <summary>The type in a file.</summary>
    public static SafeTensorType FileType(ScalarType type) => Types.First(t => t.Torch == type).File;

    /// <summary>The type as config.json names it.</summary>
    public static string TorchName(ScalarType type) => Types.First(t => t.Torch == type).Name;

    /// <summary>A tensor over the file's own bytes: read only, and only while the file is open.</summary>
    /// <exception cref="DataException">Its type has no counterpart.</exception>
    public static unsafe Tensor View(SafeTensors file, SafeTensor tensor)
    {
        var type = TorchType(tensor.Type) ?? throw new DataException(
            $"{file.Path}, {tensor.Name}", $"type {tensor.Type}", "a tensor must be F64, F32, F16, BF16, I64, I32, U8 or BOOL");
        // A file may put its data at an odd address; torch wants it at a multiple of the element's size.
        if (file.Address(tensor) % Math.Max(tensor.Type.Bits() / 8, 1) == 0 || tensor.ByteCount == 0)
            return TensorBytes.Over((void*)file.Address(tensor), [.. tensor.Shape], type);
        var copy = empty([.. tensor.Shape], type);
        Buffer.MemoryCopy((void*)file.Address(tensor), TensorBytes.Pointer(copy), tensor.ByteCount, tensor.ByteCount);
        return copy;
    }

    /// <summary>A copy of the tensor of that name, in the given type where one is given.</summary>
    /// <exception cref="DataException">There is none.</exception>
    public static Tensor Read(SafeTensors file, string name, ScalarType? dtype = null)
    {
        using var view = View(file, file[name]);
        return view.to(dtype ?? view.dtype, copy: true);
    }

    /// <summary>A copy of a tensor that is read in pieces, in its own type; whoever asks has checked that this is a number's.</summary>
    internal static unsafe Tensor Read(StoredTensor stored)
    {
        const int piece = 1 << 26;
        var copy = empty([.. stored.Shape], TorchType(stored.Type)!.Value);
        var bytes = (byte*)TensorBytes.Pointer(copy);
        for (var at = 0L; at < stored.ByteCount; at += piece)
            stored.Read(at, new Span<byte>(bytes + at, (int)Math.Min(piece, stored.ByteCount - at)));
        return copy;
    }

    /// <summary>The file's tensors of a parameter by name, as views of <paramref name="value"/>: itself, or one for each expert.</summary>
    internal static IEnumerable<(string Name, Tensor Value)> Pieces(ParameterInfo info, Tensor value) =>
        info.Pieces.Count == 0 ? [(info.HuggingFaceName, value)] : info.Pieces.Select((name, i) => (name, value.select(0, i)));

    /// <summary>Writes one of a parameter's tensors as its table says.</summary>
    internal static unsafe void Write(SafeTensorsWriter writer, string name, ParameterInfo info, Tensor whole, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var value = Pieces(info, whole.detach()).First(p => p.Name == name).Value;
        if (info.Transposed)
            value = value.t();
        value = value.to(type, CPU).contiguous();
        writer.Write(name, (nint)TensorBytes.Pointer(value), TensorBytes.Length(value));
    }
}
