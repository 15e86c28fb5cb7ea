// What a tensor says about itself: shape, strides, element type, device.
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public unsafe partial class Tensor
    {
        /// <summary>The sizes of the dimensions; empty for a single number.</summary>
        public long[] shape => Sizes(strides: false);

        /// <summary>The number of dimensions.</summary>
        public long Dimensions => Facts().Dimensions;

        /// <summary>The number of dimensions.</summary>
        public long ndim => Facts().Dimensions;

        /// <summary>The number of elements.</summary>
        public long NumberOfElements => Facts().Elements;

        /// <summary>Bytes of one element.</summary>
        public long ElementSize => Facts().ElementSize;

        public ScalarType dtype => (ScalarType)Facts().Dtype;

        public Device device
        {
            get
            {
                var facts = Facts();
                return new((DeviceType)facts.DeviceType, facts.DeviceIndex);
            }
        }

        public DeviceType device_type => (DeviceType)Facts().DeviceType;

        /// <summary>The index of the device; -1 on the processor.</summary>
        public int device_index => Facts().DeviceIndex;

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_meta => device_type == DeviceType.META;

        // c10::Layout: 0 strided, 1 sparse (coordinates).
        public bool is_sparse => Facts().Layout == 1;

        /// <summary>The number of dimensions.</summary>
        public long dim() => Facts().Dimensions;

        /// <summary>The number of elements.</summary>
        public long numel() => Facts().Elements;

        /// <summary>Bytes of one element.</summary>
        public long element_size() => Facts().ElementSize;

        /// <summary>The sizes of the dimensions.</summary>
        public long[] size() => shape;

        /// <summary>The size of one dimension; negative ones count from the end.</summary>
        /// <exception cref="ArgumentOutOfRangeException">No such dimension.</exception>
        public long size(int dim) => At(shape, dim);

        /// <summary>Steps between neighbours along each dimension, in elements.</summary>
        public long[] stride() => Sizes(strides: true);

        /// <summary>The step along one dimension; negative ones count from the end.</summary>
        /// <exception cref="ArgumentOutOfRangeException">No such dimension.</exception>
        public long stride(int dim) => At(stride(), dim);

        /// <summary>Elements before the first one in the storage.</summary>
        public long storage_offset() => Facts().StorageOffset;

        public bool is_cpu() => device_type == DeviceType.CPU;

        public bool is_contiguous()
        {
            int answer;
            NativeFailure.Check(NativeMethods.evo_tensor_is_contiguous(Handle, &answer), "is_contiguous");
            GC.KeepAlive(this);
            return answer != 0;
        }

        public bool is_floating_point() => torch.is_floating_point(dtype);

        public bool is_complex() => torch.is_complex(dtype);

        public bool is_integral() => torch.is_integral(dtype);

        internal TensorFacts Facts()
        {
            TensorFacts facts;
            NativeFailure.Check(NativeMethods.evo_tensor_facts(Handle, &facts), "tensor facts");
            GC.KeepAlive(this);
            return facts;
        }

        private static long At(long[] values, int dim)
        {
            var position = dim < 0 ? dim + values.Length : dim;
            return (uint)position < (uint)values.Length
                ? values[position]
                : throw new ArgumentOutOfRangeException(nameof(dim), $"dimension {dim} of a tensor with {values.Length}");
        }

        private long[] Sizes(bool strides)
        {
            const int Common = 16;
            var values = stackalloc long[Common];
            int dimensions;
            NativeFailure.Check(Read(values, Common, &dimensions), "shape");
            if (dimensions <= Common)
            {
                GC.KeepAlive(this);
                return new ReadOnlySpan<long>(values, dimensions).ToArray();
            }

            var many = new long[dimensions];
            fixed (long* p = many)
            {
                NativeFailure.Check(Read(p, dimensions, &dimensions), "shape");
            }

            GC.KeepAlive(this);
            return many;

            int Read(long* into, int capacity, int* found) => strides
                ? NativeMethods.evo_tensor_strides(Handle, into, capacity, found)
                : NativeMethods.evo_tensor_shape(Handle, into, capacity, found);
        }
    }

    public static bool is_floating_point(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    public static bool is_complex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;

    public static bool is_integral(ScalarType type) => type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16
        or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;
}
