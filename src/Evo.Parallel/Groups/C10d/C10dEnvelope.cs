using System.Text;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What goes before a message: its type and shape, and the sender's call in words.</summary>
internal static class C10dEnvelope
{
    /// <summary>Under which envelopes are sent; messages of one tag arrive in order.</summary>
    public const int Tag = 1;

    /// <summary>Under which what they announce is sent.</summary>
    public const int ContentTag = 2;

    private const int Bytes = 320;

    public static Tensor Empty(Device device) => zeros(Bytes, ScalarType.Byte, device);

    public static Tensor Of(GroupCall call, Device device)
    {
        var bytes = new byte[Bytes];
        Encoding.UTF8.GetEncoder().Convert($"{Kind(call)}\n{call}", bytes, true, out _, out _, out _);
        var here = TensorBytes.Over(bytes, [Bytes], ScalarType.Byte);
        return device.type == DeviceType.CPU ? here : here.to(device);
    }

    /// <summary>What was sent, in words, where it is not what is expected; null where it is.</summary>
    public static string? Differs(Tensor envelope, GroupCall expected)
    {
        var here = envelope.cpu();
        var text = Encoding.UTF8.GetString(TensorBytes.Of(here)).TrimEnd('\0');
        var end = text.IndexOf('\n');
        return text[..end] == Kind(expected) ? null : text[(end + 1)..];
    }

    private static string Kind(GroupCall call) => $"{call.Dtype} {string.Join(",", call.Shape)}";
}
