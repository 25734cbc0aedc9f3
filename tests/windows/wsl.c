/* A wsl.exe for Wine: stands in where no WSL is at hand. It lists distributions as that does, in UTF-16, and runs
 * `-d Ubuntu --exec PROGRAM ARGUMENT…` on the Linux under Wine, in the folder in which it was started. As with WSL, what
 * it runs is no process of Windows, has a number of its own, and does not end when this program is ended.
 *
 * "Ubuntu" runs, "Debian" is stopped and has no server.
 */
#define INSIDE_WSL
static const char script[] =
    "exec 3<>/dev/tcp/127.0.0.1/$1 || exit\n"
    "shift\n"
    "setsid \"$@\" </dev/null >&3 2>&3 3<&- &\n"
    "wait $!; echo SLOTDECK-EXIT $? >&3\n";

#define main run
#include "redis-server.c"
#undef main

#include <fcntl.h>
#include <io.h>

static int print(const WCHAR *text)
{
    _setmode(_fileno(stdout), _O_BINARY);
    fwrite(text, sizeof *text, wcslen(text), stdout);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--list") && !strcmp(argv[2], "--quiet"))
        return print(L"Ubuntu\r\nDebian\r\ndocker-desktop\r\n");
    if (argc == 4 && !strcmp(argv[1], "--list") && !strcmp(argv[2], "--running"))
        return print(L"Ubuntu\r\ndocker-desktop\r\n");
    if (argc > 4 && !strcmp(argv[1], "-d") && !strcmp(argv[3], "--exec")) {
        if (!strcmp(argv[2], "Ubuntu"))
            return run(argc - 3, argv + 3);
        if (!strcmp(argv[2], "Debian"))
            return 0;
    }
    print(L"There is no distribution with the supplied name.\r\n");
    return -1;
}
