// Numbers of a device on their way to the host, beside what it is told afterwards.
using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// The numbers of a small tensor, sent to the host when the device has done all that it was told until then. Who reads them does not
/// wait for what it is told later, as <see cref="Tensor.cpu"/> would.
/// </summary>
public sealed unsafe class NumbersSentHome : IDisposable
{
    private readonly Tensor there;
    private readonly Tensor? here;
    private nint moment;

    /// <summary>Sends them.</summary>
    /// <param name="values">The tensor; owned.</param>
    public NumbersSentHome(Tensor values)
    {
        there = values;
        if (values.device_type != DeviceType.CUDA || !CudaSideCopies.Built)
            return;
        using var quiet = no_grad();
        here = Aten.empty_memory_format(values.shape, values.dtype, null, CPU, pin_memory: true).DetachFromDisposeScope();
        here.copy_(values, nonBlocking: true);
        nint recorded = 0;
        NativeFailure.Check(NativeMethods.evo_moment(values.device.index, &recorded), "cuda moment");
        moment = recorded;
    }

    /// <summary>The tensor that was sent.</summary>
    public Tensor There => there;

    /// <summary>The numbers; waits until they have come. A reading (<see cref="HostReads"/>).</summary>
    public double[] Read()
    {
        if (here is null)
        {
            using var scope = NewDisposeScope(); // on the processor that is the tensor itself
            return there.cpu().data<double>().ToArray();
        }

        HostReads.Add();
        NativeFailure.Check(NativeMethods.evo_moment_wait(moment), "cuda moment");
        return here.data<double>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        there.Dispose();
        here?.Dispose();
        if (moment != 0)
        {
            NativeFailure.Check(NativeMethods.evo_moment_free(moment), "cuda moment");
            moment = 0;
        }
    }
}
