using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Notes every call of a group into a list, which several groups of a rank may share, and passes it on.</summary>
/// <param name="inner">The group that does the work.</param>
/// <param name="calls">Grows by one at each call, in the order of the calls. Of one rank: ranks do not share a list.</param>
public sealed class SiteRecorder(ProcessGroup inner, IList<GroupCall> calls) : GroupDecorator(inner)
{
    protected override Tensor? Around(GroupCall call, Tensor? x)
    {
        calls.Add(call);
        return Pass(Inner, call, x);
    }

    protected override PendingTensor Begun(GroupCall call, Tensor x)
    {
        calls.Add(call);
        return PassBegun(Inner, call, x);
    }
}
