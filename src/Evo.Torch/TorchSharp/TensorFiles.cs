// Tensors in files, in TorchSharp's own format: dtype, number of dimensions and sizes as LEB128, then the raw elements.

using Evo.Torch.Native;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp;

public static partial class TensorExtensionMethods
{
    /// <summary>Writes the tensor to a file.</summary>
    public static void Save(this Tensor tensor, string location)
    {
        using var stream = File.Create(location);
        tensor.Save(stream);
    }

    /// <summary>Writes the tensor to a stream, which stays open.</summary>
    public static void Save(this Tensor tensor, Stream stream)
    {
        using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
        tensor.Save(writer);
    }

    /// <summary>Writes the tensor.</summary>
    public static void Save(this Tensor tensor, BinaryWriter writer)
    {
        writer.WriteLeb128((int)tensor.dtype);
        writer.WriteLeb128(tensor.ndim);
        foreach (var size in tensor.shape) writer.WriteLeb128(size);
        writer.Flush();
        tensor.WriteBytesToStream(writer.BaseStream);
    }

    /// <summary>Reads values into a tensor of the same dtype and shape.</summary>
    /// <param name="tensor">Filled in place.</param>
    /// <param name="reader">Stands where Save wrote.</param>
    /// <param name="skip">Reads past the values and leaves the tensor as it is.</param>
    /// <exception cref="ArgumentException">Dtype or shape differ.</exception>
    /// <exception cref="EndOfStreamException">The file ends too early.</exception>
    public static void Load(this Tensor tensor, BinaryReader reader, bool skip = false)
    {
        var (type, shape) = Header(reader);
        if (type != tensor.dtype)
            throw new ArgumentException($"Mismatched tensor data types while loading. Make sure that the model you are loading into is exactly the same as the origin: found {type}, expected {tensor.dtype}.");
        if (!shape.SequenceEqual(tensor.shape))
            throw new ArgumentException($"Mismatched tensor shape while loading. Make sure that the model you are loading into is exactly the same as the origin: found [{string.Join(", ", shape)}], expected [{string.Join(", ", tensor.shape)}].");
        if (skip) Pass(reader, type, shape);
        else tensor.ReadBytesFromStream(reader.BaseStream);
    }

    /// <summary>Reads a tensor in place of the given one, which is freed.</summary>
    /// <param name="tensor">Null, or of the same dtype and shape.</param>
    /// <param name="reader">Stands where Save wrote.</param>
    /// <param name="skip">Reads past the values and leaves the tensor as it is.</param>
    public static void Load(ref Tensor tensor, BinaryReader reader, bool skip = false)
    {
        if (tensor is not null)
        {
            tensor.Load(reader, skip);
            return;
        }
        if (Load(reader, skip) is { } loaded) tensor = loaded;
    }

    /// <summary>Reads a tensor into main memory.</summary>
    /// <param name="reader">Stands where Save wrote.</param>
    /// <param name="skip">Reads past it and gives an empty tensor.</param>
    /// <exception cref="InvalidDataException">What stands there is not a tensor.</exception>
    /// <exception cref="EndOfStreamException">The file ends too early.</exception>
    public static Tensor Load(BinaryReader reader, bool skip = false)
    {
        var (type, shape) = Header(reader);
        if (skip)
        {
            Pass(reader, type, shape);
            return Aten.empty_memory_format([0], type, null, CPU);
        }
        var made = Aten.empty_memory_format(shape, type, null, CPU);
        made.ReadBytesFromStream(reader.BaseStream);
        return made;
    }

    private static (ScalarType, long[]) Header(BinaryReader reader)
    {
        var type = reader.ReadLeb128();
        if (!Enum.IsDefined((ScalarType)type)) throw new InvalidDataException($"The file has dtype {type}, which is none.");
        var dims = reader.ReadLeb128();
        if (dims > 64) throw new InvalidDataException($"The file has a tensor of {dims} dimensions; 64 are the most.");
        var shape = new long[dims];
        for (var dim = 0; dim < dims; dim++) shape[dim] = reader.ReadLeb128();
        return ((ScalarType)type, shape);
    }

    private static void Pass(BinaryReader reader, ScalarType type, long[] shape)
    {
        var left = shape.TotalSize() * type.ElementSize();
        if (reader.BaseStream.CanSeek)
        {
            reader.BaseStream.Seek(left, SeekOrigin.Current);
            return;
        }
        var buffer = new byte[1 << 16];
        while (left > 0)
        {
            var part = (int)Math.Min(left, buffer.Length);
            reader.BaseStream.ReadExactly(buffer, 0, part);
            left -= part;
        }
    }
}

public static partial class torch
{
    /// <summary>Writes the tensor to a file.</summary>
    public static void save(Tensor t, string location) => t.Save(location);

    /// <summary>Reads a tensor from a file.</summary>
    public static Tensor load(string location) => Tensor.Load(location);

    public partial class Tensor
    {
        /// <summary>Writes the tensor to a file.</summary>
        public void save(string location) => this.Save(location);

        /// <summary>Reads a tensor from a file.</summary>
        public static Tensor load(string location) => Load(location);

        /// <summary>Reads a tensor from a file.</summary>
        public static Tensor Load(string location)
        {
            using var stream = File.OpenRead(location);
            return Load(stream);
        }

        /// <summary>Reads a tensor from a stream, which stays open.</summary>
        public static Tensor Load(Stream stream)
        {
            using var reader = new BinaryReader(stream, System.Text.Encoding.UTF8, leaveOpen: true);
            return Load(reader);
        }

        /// <summary>Reads a tensor.</summary>
        public static Tensor Load(BinaryReader reader) => TensorExtensionMethods.Load(reader);
    }
}
