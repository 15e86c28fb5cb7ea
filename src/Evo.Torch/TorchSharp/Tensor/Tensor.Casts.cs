// torch.Tensor: other dtypes and devices.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>On a device: this tensor itself if it is there already and no copy is asked for.</summary>
        /// <param name="deviceType">Kind of device.</param>
        /// <param name="deviceIndex">Which one of its kind; -1 is the current one.</param>
        /// <param name="copy">A copy in any case.</param>
        /// <param name="disposeAfter">Frees this tensor if the result is another one.</param>
        /// <param name="non_blocking">Does not wait, where memory is page-locked.</param>
        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        /// <summary>On a device given as "cpu" or "cuda:1".</summary>
        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(device), copy, disposeAfter, non_blocking);

        /// <summary>On a device.</summary>
        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(dtype, device, copy, disposeAfter, non_blocking);

        /// <summary>Of a dtype.</summary>
        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to_type(type, copy, disposeAfter, non_blocking);

        /// <summary>Of a dtype and on a device.</summary>
        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false)
        {
            var there = device.type == device_type && (device.index < 0 || device.index == device_index);
            if (there && !copy && type == dtype) return this;
            if (!there && device.type == DeviceType.CPU) Evo.Torch.HostReads.Add();
            return After(Aten.to_device(this, device, type, non_blocking, copy), disposeAfter);
        }

        /// <summary>Of the dtype and on the device of another tensor.</summary>
        public Tensor to(Tensor other, bool non_blocking = false) => to(other.dtype, other.device, non_blocking: non_blocking);

        /// <summary>Of a dtype: this tensor itself if it is of it already and no copy is asked for.</summary>
        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false)
        {
            if (!copy && type == dtype) return this;
            return After(Aten.to_dtype(this, type, non_blocking, copy), disposeAfter);
        }

        /// <summary>Of the dtype that the function gives: <c>t.type(torch.FloatTensor)</c>.</summary>
        public Tensor type(Func<Tensor, Tensor> typeFunc) => typeFunc(this);

        /// <summary>Of a dtype.</summary>
        public Tensor type(ScalarType dtype) => to_type(dtype);

        /// <summary>Of the dtype of another tensor.</summary>
        public Tensor type_as(Tensor tensor) => to_type(tensor.dtype);

        /// <summary>In main memory.</summary>
        public Tensor cpu()
        {
            if (is_cpu()) Evo.Torch.HostReads.Add(); // a copy counts itself
            return to(DeviceType.CPU);
        }

        /// <summary>On a CUDA device, by default the current one.</summary>
        public Tensor cuda(Device? device = null, bool non_blocking = false) => to(device ?? new Device(DeviceType.CUDA), non_blocking: non_blocking);

        /// <summary>A copy in page-locked memory.</summary>
        public Tensor pin_memory() => Aten.pin_memory(this);

        /// <summary>As bool.</summary>
        public Tensor @bool() => to_type(ScalarType.Bool);

        /// <summary>As uint8.</summary>
        public Tensor @byte() => to_type(ScalarType.Byte);

        /// <summary>As int8.</summary>
        public Tensor @char() => to_type(ScalarType.Int8);

        /// <summary>As int16.</summary>
        public Tensor @short() => to_type(ScalarType.Int16);

        /// <summary>As int32.</summary>
        public Tensor @int() => to_type(ScalarType.Int32);

        /// <summary>As int64.</summary>
        public Tensor @long() => to_type(ScalarType.Int64);

        /// <summary>As float16.</summary>
        public Tensor half() => to_type(ScalarType.Float16);

        /// <summary>As bfloat16.</summary>
        public Tensor bfloat16() => to_type(ScalarType.BFloat16);

        /// <summary>As float32.</summary>
        public Tensor @float() => to_type(ScalarType.Float32);

        /// <summary>As float64.</summary>
        public Tensor @double() => to_type(ScalarType.Float64);

        /// <summary>As complex64.</summary>
        public Tensor cfloat() => to_type(ScalarType.ComplexFloat32);

        /// <summary>As complex128.</summary>
        public Tensor cdouble() => to_type(ScalarType.ComplexFloat64);

        private Tensor After(Tensor result, bool disposeAfter)
        {
            if (disposeAfter && !ReferenceEquals(result, this)) Dispose();
            return result;
        }
    }

    /// <summary>As float32.</summary>
    public static Tensor FloatTensor(Tensor t) => t.@float();

    /// <summary>As float64.</summary>
    public static Tensor DoubleTensor(Tensor t) => t.@double();

    /// <summary>As int32.</summary>
    public static Tensor IntTensor(Tensor t) => t.@int();

    /// <summary>As int64.</summary>
    public static Tensor LongTensor(Tensor t) => t.@long();

    /// <summary>As int16.</summary>
    public static Tensor ShortTensor(Tensor t) => t.@short();

    /// <summary>As uint8.</summary>
    public static Tensor ByteTensor(Tensor t) => t.@byte();

    /// <summary>As bool.</summary>
    public static Tensor BoolTensor(Tensor t) => t.@bool();
}
