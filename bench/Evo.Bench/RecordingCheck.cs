using System.Globalization;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>
/// Passes that a GPU records and repeats, as <c>tests/Evo.Torch.Tests/Recordings.fs</c> has them, for machines that have no .NET SDK.
/// </summary>
internal static class RecordingCheck
{
    /// <summary>Prints a line for each law; nothing where nothing can be recorded.</summary>
    /// <returns>How many do not hold.</returns>
    public static int Print(Device device)
    {
        if (device.type != DeviceType.CUDA || !CudaPassCapture.Built)
            return 0;
        using var scope = NewDisposeScope();
        using IPassCapture recorder = new CudaPassCapture(device);
        return Say("a recording that fails leaves the recorder fit", () => FailsAndGoesOn(recorder, device))
            + Say("a replay computes from what tensors hold now", () => Replays(recorder, device));
    }

    private static int Say(string law, Func<double> measured)
    {
        double error;
        try
        {
            error = measured();
        }
        catch (TorchException failure)
        {
            Console.WriteLine($"  WRONG {law}: {failure.Message}");
            return 1;
        }

        var holds = error <= 1e-5;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {(holds ? "ok   " : "WRONG")} {law}, off by {error:0.0e+0}"));
        return holds ? 0 : 1;
    }

    private static double FailsAndGoesOn(IPassCapture recorder, Device device)
    {
        Tensor x = ones(8, device: device), y = zeros_like(x);
        try
        {
            recorder.Capture(() => x.sum().ToDouble()).Dispose();
            return double.PositiveInfinity; // the host read in the middle of a recording
        }
        catch (TorchException)
        {
        }

        using var recorded = recorder.Capture(() => y.add_(x));
        recorded.Replay();
        return Math.Abs(y.sum().ToDouble() - 8);
    }

    private static double Replays(IPassCapture recorder, Device device)
    {
        Tensor x = zeros(64, 96, device: device), weight = (randn(72, 96, device: device) * 0.1).requires_grad_(), sum = zeros(1, device: device);
        weight.grad = zeros_like(weight);
        void Pass()
        {
            using var own = NewDisposeScope();
            var y = Ops.SiluMul(Ops.Linear(x, weight), Ops.Linear(x, weight)).sum();
            y.backward();
            using var quiet = no_grad();
            sum.copy_(y.reshape(1));
        }

        recorder.Warm(Pass);
        using var recorded = recorder.Capture(Pass);
        var worst = 0.0;
        for (var time = 0; time < 3; time++)
        {
            using (no_grad())
            {
                x.copy_(randn(64, 96, device: device));
                weight.grad!.zero_();
            }

            recorded.Replay();
            Tensor replayed = weight.grad!.clone(), total = sum.clone();
            weight.grad!.zero_();
            Pass();
            worst = Math.Max(worst, Apart(replayed, weight.grad!));
            worst = Math.Max(worst, Apart(total, sum));
        }

        return worst;
    }

    private static double Apart(Tensor a, Tensor b) => ((a - b).abs().max() / b.abs().max()).ToDouble() is var error && double.IsNaN(error) ? double.PositiveInfinity : error;
}
