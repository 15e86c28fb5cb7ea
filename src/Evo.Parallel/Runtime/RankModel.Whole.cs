// Logical tensors brought together on the first rank.
using Evo.Models;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

public sealed partial class RankModel
{
    /// <summary>
    /// A parameter's state as one tensor, on rank 0; null on the others. All ranks call this for the same parameters in the same
    /// order. The caller owns the tensor; where one rank holds everything it is a view of the buffer.
    /// </summary>
    public Tensor? Whole(ParameterInfo info, StateKind kind)
    {
        var (holder, own) = (HolderOf(info), Groups.Pipeline.Rank);
        var whole = WholeOnStage(info, kind);
        var first = Groups.Tensor.Rank == 0 && Groups.Data.Rank == 0;
        if (holder != 0 && first && own == holder)
        {
            Groups.Pipeline.Send(whole!, 0, new(RuntimeSites.Whole, false));
        }
        else if (holder != 0 && first && own == 0)
        {
            var dtype = kind == StateKind.Weight ? Optimizer.Dtype : Optimizer.StateDtype;
            whole = Groups.Pipeline.Receive([.. info.Shape], dtype, holder, new(RuntimeSites.Whole, false));
        }

        if (Groups.Rank == 0)
        {
            return whole;
        }

        whole?.Dispose();
        return null;
    }

    /// <summary>The whole model as one module on rank 0, null on the others; all ranks call this.</summary>
    public CausalLMModule? Gathered()
    {
        using var quiet = no_grad();
        var module = Leads ? Spec.Build(new BuildOptions { Dtype = Options.Dtype, Device = Options.Device }) : null;
        var values = module?.Table.ToDictionary(p => p.Info.Name, p => p.Value, StringComparer.Ordinal);
        foreach (var info in Spec.Parameters)
        {
            using var whole = Whole(info, StateKind.Weight);
            if (whole is not null)
            {
                values![info.Name].copy_(whole);
            }
        }

        return module;
    }

    // From this rank's share to the whole, cut by cut, the innermost first.
    private Tensor OverCuts(ParameterInfo info, Tensor share)
    {
        var whole = share;
        foreach (var (cut, group) in ParameterLayout.CutsOf(info, Chunks[0].Module.Ranks).Reverse())
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var all = group.AllGather(whole.unsqueeze(0).contiguous(), 0, new(RuntimeSites.Whole, false));
            var next = ParameterLayout.Whole(cut, [.. Enumerable.Range(0, group.Size).Select(rank => all.select(0, rank))]).MoveToOuterDisposeScope();
            whole.Dispose();
            whole = next;
        }

        return whole;
    }
}
