// The state of the default random generators, to keep and to go on from.
using TorchSharp;

namespace Evo.Torch;

/// <summary>The state of the processor's default generator as bytes: what a checkpoint keeps.</summary>
public static class RandomState
{
    /// <summary>The state now.</summary>
    public static byte[] Get()
    {
        using var generator = torch.Generator.Default;
        using var state = generator.get_state();
        return TensorBytes.Of(state).ToArray();
    }

    /// <summary>Goes on from a state that <see cref="Get"/> gave.</summary>
    /// <exception cref="TorchException">The bytes are no such state.</exception>
    public static void Set(byte[] state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var tensor = TensorBytes.Over(state, [state.Length], torch.uint8);
        using var generator = torch.Generator.Default;
        generator.set_state(tensor);
    }
}

/// <summary>The states of the default generators that some tensors' devices use.</summary>
internal sealed class DeviceRandomState
{
    private readonly List<(torch.Device Device, byte[] State)> states;

    private DeviceRandomState(List<(torch.Device Device, byte[] State)> states) => this.states = states;

    /// <summary>The states now, of the processor and of the devices of the tensors.</summary>
    public static DeviceRandomState Take(IEnumerable<torch.Tensor> tensors) => Take(
        tensors.Where(t => t.is_cuda).Select(t => t.device).Append(torch.CPU).Distinct());

    /// <summary>Sets these states; disposing the result sets back what was.</summary>
    public IDisposable Replay()
    {
        var before = Take(states.Select(s => s.Device));
        Set();
        return new Restore(before);
    }

    private static DeviceRandomState Take(IEnumerable<torch.Device> devices) => new([.. devices.Select(device =>
    {
        using var generator = torch.Generator.DefaultOf(device);
        using var state = generator.get_state();
        return (device, TensorBytes.Of(state).ToArray());
    })]);

    private void Set()
    {
        foreach (var (device, state) in states)
        {
            using var tensor = TensorBytes.Over(state, [state.Length], torch.uint8);
            using var generator = torch.Generator.DefaultOf(device);
            generator.set_state(tensor);
        }
    }

    private sealed class Restore(DeviceRandomState before) : IDisposable
    {
        public void Dispose() => before.Set();
    }
}
