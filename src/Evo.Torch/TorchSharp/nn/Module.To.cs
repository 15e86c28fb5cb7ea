// nn.Module: moving to another device or dtype. A parameter keeps its identity, as in PyTorch: its values are
// exchanged in place, so that ties, optimizers and hooks stay valid.

using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            /// <summary>The device and dtype given, or the defaults of the process.</summary>
            protected static (Device device, ScalarType dtype) GetDefaultDeviceAndType(Device? device = null, ScalarType? dtype = null) =>
                (device ?? get_default_device(), dtype ?? get_default_dtype());

            /// <summary>Moves to the device and, for floating point, the dtype of another tensor.</summary>
            public Module _to(Tensor other, bool non_blocking) => Convert(other.dtype, other.device, non_blocking);

            internal Module Convert(ScalarType? dtype, Device? device, bool non_blocking)
            {
                if (dtype is { } type && !is_floating_point(type) && !is_complex(type))
                    throw new ArgumentException($"nn.Module.to only accepts floating point or complex types, but got desired dtype={type}");
                _toEpilog(dtype, device, non_blocking);
                return this;
            }

            /// <summary>Converts the floating-point parameters and buffers of this module and of all below.</summary>
            protected void _toEpilog(ScalarType dtype, bool non_blocking) => _toEpilog(dtype, null, non_blocking);

            /// <summary>Moves this module and all below to a device.</summary>
            protected void _toEpilog(DeviceType deviceType, int deviceIndex, bool non_blocking) =>
                _toEpilog(null, new Device(deviceType, deviceIndex), non_blocking);

            /// <summary>Moves and converts this module and all below.</summary>
            protected void _toEpilog(Device device, ScalarType dtype, bool non_blocking) => _toEpilog((ScalarType?)dtype, device, non_blocking);

            /// <summary>Moves and converts this module and all below; null leaves device or dtype as they are.</summary>
            protected virtual void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
            {
                foreach (var child in children()) child._toEpilog(dtype, device, non_blocking);
                foreach (var (_, parameter) in named_parameters(false)) ReplaceParameter(dtype, device, parameter, out _);
                foreach (var (_, buffer) in named_buffers(false)) ReplaceBuffer(dtype, device, buffer, out _);
            }

            /// <summary>Gives a buffer the dtype (if it is floating point or complex) and device; its identity stays.</summary>
            /// <returns>True, and the same tensor, when there was something to do.</returns>
            protected static bool ReplaceBuffer(ScalarType? dtype, Device? device, Tensor buffer, out Tensor? result)
            {
                result = ExchangeValues(dtype, device, buffer) ? buffer : null;
                return result is not null;
            }

            /// <summary>Gives a parameter and its gradient the dtype and device; its identity stays.</summary>
            /// <returns>True, and the same parameter, when there was something to do.</returns>
            protected static bool ReplaceParameter(ScalarType? dtype, Device? device, Parameter param, out Parameter? p)
            {
                using var gradient = param.grad;
                if (gradient is not null) param.grad = null;
                p = ExchangeValues(dtype, device, param) ? param : null;
                if (gradient is not null)
                {
                    ExchangeValues(dtype, device, gradient);
                    param.grad = gradient;
                }
                return p is not null;
            }

            private static bool ExchangeValues(ScalarType? dtype, Device? device, Tensor tensor)
            {
                var type = dtype is { } wanted && (tensor.is_floating_point() || tensor.is_complex()) ? wanted : tensor.dtype;
                var place = device ?? tensor.device;
                if (type == tensor.dtype && place.type == tensor.device_type && (place.index < 0 || place.index == tensor.device_index)) return false;
                using var frozen = no_grad();
                using var values = tensor.to(type, place);
                tensor.set_data(values);
                return true;
            }
        }
    }
}
