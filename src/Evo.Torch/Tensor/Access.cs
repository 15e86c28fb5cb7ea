// Reading and writing single elements and whole memories of tensors on the processor.
using System.Numerics;
using System.Runtime.CompilerServices;
using Evo.Torch;
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public unsafe partial class Tensor
    {
        /// <summary>The bytes of a contiguous tensor on the processor, without a copy; writing them sets all bytes.</summary>
        /// <exception cref="InvalidOperationException">Not on the processor, not contiguous, or over 2 GB.</exception>
        public Span<byte> bytes
        {
            get => TensorBytes.Of(this);
            set
            {
                var target = TensorBytes.Of(this);
                if (value.Length != target.Length)
                {
                    throw new ArgumentException($"{value.Length} bytes for a tensor of {target.Length}");
                }

                value.CopyTo(target);
            }
        }

        /// <summary>The elements, seen through the strides. T must be the .NET type of the dtype.</summary>
        /// <exception cref="ArgumentException">T is not the type of the elements.</exception>
        /// <exception cref="InvalidOperationException">The tensor is not on the processor.</exception>
        public Utils.TensorAccessor<T> data<T>()
            where T : unmanaged
        {
            ValidateType(typeof(T));
            if (!is_cpu())
            {
                throw new InvalidOperationException(
                    "Reading data from non-CPU memory is not supported. Move or copy the tensor to the cpu before reading.");
            }

            return new(this);
        }

        /// <summary>The only element. T must be the .NET type of the dtype.</summary>
        /// <exception cref="ArgumentException">Not one element, or T is not its type.</exception>
        public T item<T>()
            where T : unmanaged
        {
            var facts = Facts();
            if (facts.Elements != 1)
            {
                throw new ArgumentException($"item of a tensor with {facts.Elements} elements; it must have one");
            }

            ValidateType(typeof(T));
            HostReads.Add();
            if (facts.DeviceType != 0)
            {
                using var local = Aten._to_copy(this, device: CPU);
                return *(T*)local.DataPointer();
            }

            var value = *(T*)DataPointer();
            GC.KeepAlive(this);
            return value;
        }

        /// <summary>The only element as a number.</summary>
        /// <exception cref="ArgumentException">Not one element.</exception>
        public Scalar ToScalar()
        {
            // libtorch reads the first element unasked, also where there is none.
            var elements = numel();
            HostReads.Add();
            return elements == 1
                ? Aten._local_scalar_dense(this)
                : throw new ArgumentException($"a tensor with {elements} elements is not a single number");
        }

        public bool ReadCpuBool(long i) => ReadCpuValue<bool>(i);

        public byte ReadCpuByte(long i) => ReadCpuValue<byte>(i);

        public sbyte ReadCpuSByte(long i) => ReadCpuValue<sbyte>(i);

        public short ReadCpuInt16(long i) => ReadCpuValue<short>(i);

        public int ReadCpuInt32(long i) => ReadCpuValue<int>(i);

        public long ReadCpuInt64(long i) => ReadCpuValue<long>(i);

        public float ReadCpuFloat16(long i) => (float)ReadCpuValue<Half>(i);

        public float ReadCpuBFloat16(long i) => ReadCpuValue<BFloat16>(i).ToSingle();

        public float ReadCpuSingle(long i) => ReadCpuValue<float>(i);

        public double ReadCpuDouble(long i) => ReadCpuValue<double>(i);

        /// <summary>The element that stands i-th in the memory, counted from the tensor's first.</summary>
        /// <exception cref="ArgumentOutOfRangeException">i lies outside of the tensor.</exception>
        public T ReadCpuValue<T>(long i)
            where T : unmanaged
        {
            ValidateType(typeof(T));
            var facts = Facts();
            if ((ulong)i >= (ulong)facts.Elements)
            {
                throw new ArgumentOutOfRangeException(nameof(i), $"element {i} of {facts.Elements}");
            }

            if (facts.DeviceType != 0)
            {
                throw new InvalidOperationException("Reading data from non-CPU memory is not supported.");
            }

            var value = ((T*)DataPointer())[i];
            GC.KeepAlive(this);
            return value;
        }

        /// <summary>Writes the elements in order as raw bytes.</summary>
        public void WriteBytesToStream(Stream stream, int bufferSize = 1024)
        {
            using var local = Aten.contiguous(is_cpu() ? Aten.detach(this) : Aten._to_copy(this, device: CPU));
            for (long at = 0, total = TensorBytes.Length(local); at < total;)
            {
                var part = TensorBytes.Slice(local, at, (int)Math.Min(total - at, Math.Max(bufferSize, 1 << 20)));
                stream.Write(part);
                at += part.Length;
            }
        }

        /// <summary>Reads as many raw bytes as the tensor holds into it.</summary>
        /// <exception cref="EndOfStreamException">The stream ends before.</exception>
        public void ReadBytesFromStream(Stream stream, int bufferSize = 1024)
        {
            if (is_cpu() && is_contiguous())
            {
                for (long at = 0, total = TensorBytes.Length(this); at < total;)
                {
                    var part = TensorBytes.Slice(this, at, (int)Math.Min(total - at, Math.Max(bufferSize, 1 << 20)));
                    stream.ReadExactly(part);
                    at += part.Length;
                }

                return;
            }

            using var local = Aten.empty_memory_format(shape, dtype: dtype, device: CPU);
            local.ReadBytesFromStream(stream, bufferSize);
            using var guard = no_grad();
            Aten.copy_(this, local);
        }

        internal static Type ElementType(ScalarType type) => type switch
        {
            ScalarType.Byte or ScalarType.QUInt8 => typeof(byte),
            ScalarType.Int8 or ScalarType.QInt8 => typeof(sbyte),
            ScalarType.Int16 => typeof(short),
            ScalarType.Int32 or ScalarType.QInt32 => typeof(int),
            ScalarType.Int64 => typeof(long),
            ScalarType.Float16 => typeof(Half),
            ScalarType.BFloat16 => typeof(BFloat16),
            ScalarType.Float32 => typeof(float),
            ScalarType.Float64 => typeof(double),
            ScalarType.Bool => typeof(bool),
            ScalarType.ComplexFloat32 => typeof((float, float)),
            ScalarType.ComplexFloat64 => typeof(Complex),
            _ => throw new ArgumentException($"no .NET type for {type}"),
        };

        internal void* DataPointer()
        {
            void* data;
            NativeFailure.Check(NativeMethods.evo_tensor_data(Handle, &data), "data_ptr");
            return data;
        }

        internal void ValidateType(Type wanted)
        {
            var type = dtype;
            if (ElementType(type) != wanted)
            {
                throw new ArgumentException($"{wanted.Name} is not compatible with {type}");
            }
        }
    }
}
