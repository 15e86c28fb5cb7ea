using System.Collections;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Evo.Core;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>From the environment and the command line to this process's place in the run.</summary>
public static class RankLaunch
{
    /// <summary>The longest wait for who serves the store: processes of a job start at different times.</summary>
    private static readonly TimeSpan JoinLimit = TimeSpan.FromMinutes(3);

    /// <summary>Which launch this is.</summary>
    /// <exception cref="LaunchException">The variables or the options contradict one another; every problem is told.</exception>
    public static Core.Launch Decide(LaunchFlags flags)
    {
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(pair => (string)pair.Key, pair => (string?)pair.Value ?? "", StringComparer.Ordinal);
        var decided = Launches.decide(environment, flags);
        return decided.IsOk ? decided.ResultValue : throw new LaunchException(string.Join("\n", decided.ErrorValue));
    }

    /// <summary>This process's place: one rank alone where nothing says otherwise. It joins the others and returns when it may begin.</summary>
    /// <param name="options">How ranks are joined.</param>
    /// <exception cref="LaunchException">The store of the run was not there, or its port is taken.</exception>
    public static RankWorld Connect(C10dOptions options) => Decide(LaunchFlags.None).Match<RankWorld>(
        alone: () => new SoleRank(),
        memberOf: member => Join(member, options),
        spawn: _ => throw new LaunchException("this process was to start ranks, not to be one"));

    /// <summary>Joins the others.</summary>
    public static C10dRank Join(Membership member, C10dOptions options)
    {
        // Asked for by name, as c10d's other users do.
        var face = options.NetworkInterface ?? Environment.GetEnvironmentVariable("GLOO_SOCKET_IFNAME");
        C10dStore? served = null;
        try
        {
            if (member.Serves)
            {
                served = C10dStore.Serve(member.Host, member.Port, JoinLimit);
            }

            var joined = options with
            {
                NetworkInterface = string.IsNullOrEmpty(face) ? null : face,
                Address = options.Address ?? AddressTowards(member.Host, member.Port),
                StoreRank = member.FirstRankServes ? 0 : null,
            };
            return new(member.Rank, member.Size, () => C10dStore.Connect(member.Host, member.Port, JoinLimit), joined, served);
        }
        catch (Exception error) when (error is TorchException or SocketException)
        {
            served?.Dispose();
            throw new LaunchException(
                member.Serves
                    ? $"rank {member.Rank} cannot serve the store of the run at {member.Host}:{member.Port}: {error.Message}; is the port taken? MASTER_PORT chooses another"
                    : $"rank {member.Rank} of {member.Size} found no store of the run at {member.Host}:{member.Port} ({member.By} said so): {error.Message}",
                error);
        }
    }

    /// <summary>The GPU of a rank: each rank of a host has one of its own, in their order.</summary>
    /// <param name="localRank">The rank's place on its host, from 0.</param>
    /// <param name="gpus">GPUs of the host.</param>
    /// <exception cref="LaunchException">There are fewer.</exception>
    public static Device GpuOf(int localRank, int gpus) => localRank < gpus
        ? new(TorchSharp.DeviceType.CUDA, localRank)
        : throw new LaunchException(
            $"rank {localRank} of this host has no GPU: there {(gpus == 1 ? "is 1" : $"are {gpus}")}, and with NCCL every rank needs one of its own; "
            + $"start {(gpus == 0 ? "ranks where GPUs are" : $"at most {gpus} on a host")}, or use train.backend gloo and train.device cpu");

    /// <summary>The address of this host on the way to another: what the others of the run reach.</summary>
    internal static string AddressTowards(string host, int port)
    {
        var target = Dns.GetHostAddresses(host).OrderBy(address => address.AddressFamily == AddressFamily.InterNetwork ? 0 : 1).First();
        using var socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        // Nothing is sent: the system only chooses the way.
        socket.Connect(target, port);
        var own = ((IPEndPoint)socket.LocalEndPoint!).Address;
        var meant = host == "localhost" || (IPAddress.TryParse(host, out var given) && IPAddress.IsLoopback(given));
        // Many hosts give their own name a loopback address, which no other host reaches.
        return IPAddress.IsLoopback(own) && !meant && OutwardAddress() is { } outward ? outward.ToString() : own.ToString();
    }

    private static IPAddress? OutwardAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(face => face.OperationalStatus == OperationalStatus.Up && face.NetworkInterfaceType != NetworkInterfaceType.Loopback)
        .SelectMany(face => face.GetIPProperties().UnicastAddresses)
        .Select(found => found.Address)
        .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork);
}
