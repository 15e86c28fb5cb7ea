using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The table of matrix products that a run computes by: the one that its folder holds, so that a run which goes on has the bits of
/// one that never stopped; else the machine's. All ranks take the first one's. In use until this is disposed.
/// </summary>
internal sealed class RunProducts : IDisposable
{
    /// <summary>The file in the run folder.</summary>
    internal const string FileName = "products.txt";

    /// <summary>Chooses the table; all ranks call this together, before anything of a step is computed.</summary>
    /// <param name="config">The run. Products of other types than float32, on other devices or of plain operators have no choice.</param>
    /// <param name="device">Where the ranks talk and compute.</param>
    /// <param name="held">The run folder, on the first rank.</param>
    /// <param name="groups">The ranks.</param>
    internal RunProducts(RunConfig config, Device device, RunLock? held, RankGroups groups)
    {
        var chooses = device.type == DeviceType.CPU && config.Model.ElementType.Equals(DType.F32) && Ops.UseNative;
        var text = chooses ? Agreement.Of(groups, device, held is null ? null : Own(config, held)) : null;
        MatrixProducts.Use(text is null ? null : ProductTable.OfAnyMachine(text));
    }

    /// <inheritdoc/>
    public void Dispose() => MatrixProducts.Use(null);

    private static string? Own(RunConfig config, RunLock held)
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

        var table = MachineProducts.Here.Take() ?? ProductTable.Unmeasured(MatrixProducts.Machine);
        held.Write(FileName, table.Text);
        return table.Text;
    }
}
