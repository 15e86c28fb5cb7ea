using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What a run computes with, of what the process has one of: operators of our own or plain ones, and the table of matrix products. The
/// table is the one that its folder holds, so that a run which goes on has the bits of one that never stopped; else the machine's. All
/// ranks take the first one's. In use until this is disposed; then the process has what it has without a run.
/// </summary>
internal sealed class RunOperators : IDisposable
{
    /// <summary>The file in the run folder.</summary>
    internal const string FileName = "products.txt";

    /// <summary>Chooses; all ranks call this together, before anything of a step is computed.</summary>
    /// <param name="shapes">The products that a micro-batch asks for on a rank.</param>
    /// <param name="config">The run. Products of other types than float32, on other devices or of plain operators have no choice.</param>
    /// <param name="device">Where the ranks talk and compute.</param>
    /// <param name="held">The run folder, on the first rank.</param>
    /// <param name="groups">The ranks.</param>
    internal RunOperators(Func<IReadOnlyList<ProductShape>> shapes, RunConfig config, Device device, RunLock? held, RankGroups groups)
    {
        Ops.UseNative = config.Kernels == "native";
        var chooses = device.type == DeviceType.CPU && config.Model.ElementType.Equals(DType.F32) && Ops.UseNative;
        var text = chooses ? Agreement.Of(groups, device, held is null ? null : Own(shapes, config, held)) : null;
        MatrixProducts.Use(text is null ? null : ProductTable.OfAnyMachine(text));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        MatrixProducts.Use(null);
        Ops.UseNative = true;
    }

    private static string? Own(Func<IReadOnlyList<ProductShape>> shapes, RunConfig config, RunLock held)
    {
        if (!MatrixProducts.HaveChoice)
        {
            return null;
        }

        var path = Path.Combine(config.Folder, FileName);
        if (File.Exists(path) && File.ReadAllText(path) is var kept && ProductTable.TryRead(MatrixProducts.Machine, kept) is not null)
        {
            return kept;
        }

        var table = MachineProducts.Here.Take(shapes()) ?? ProductTable.Unmeasured(MatrixProducts.Machine);
        held.Write(FileName, table.Text);
        return table.Text;
    }
}
