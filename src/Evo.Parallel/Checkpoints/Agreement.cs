using System.Text;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What ranks tell each other of what went wrong, so that all go on, or all stop with the same words.</summary>
internal static class Agreement
{
    /// <summary>
    /// What the first of the ranks to have anything to say says; null where all is well. All ranks call this together, and none
    /// goes on before all have come.
    /// </summary>
    /// <param name="groups">The ranks.</param>
    /// <param name="device">Where they talk.</param>
    /// <param name="own">What this rank has to say; null or empty for nothing.</param>
    internal static string? Of(RankGroups groups, Device device, string? own)
    {
        var everyone = groups.Everyone;
        if (everyone.Size == 1)
        {
            return string.IsNullOrEmpty(own) ? null : own;
        }

        var bytes = Encoding.UTF8.GetBytes(own ?? "");
        var lengths = Gather(everyone, device, [bytes.Length]);
        var longest = lengths.Max();
        if (longest == 0)
        {
            return null;
        }

        var all = Gather(everyone, device, [.. bytes.Select(b => (long)b), .. new long[longest - bytes.Length]]);
        var speaker = Array.FindIndex(lengths, length => length > 0);
        return Encoding.UTF8.GetString([.. all.Skip(speaker * (int)longest).Take((int)lengths[speaker]).Select(b => (byte)b)]);
    }

    private static long[] Gather(ProcessGroup group, Device device, long[] own)
    {
        using var mine = tensor(own, device: device);
        using var all = group.AllGather(mine, 0, new(RuntimeSites.Together, false));
        using var here = all.cpu();
        return here.data<long>().ToArray();
    }
}
