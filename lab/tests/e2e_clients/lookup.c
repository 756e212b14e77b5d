/* Looks up a name as programs of musl's C library do, tells each address and whether a connection to its port 443 is
 * let through. Somebody who refuses it was reached. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int count, char **arguments) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list, *at;
    int error = count == 2 ? getaddrinfo(arguments[1], "443", &hints, &list) : EAI_NONAME;
    if (error) {
        printf("no address: %s\n", gai_strerror(error));
        return 1;
    }
    for (at = list; at; at = at->ai_next) {
        char text[64] = "";
        struct timeval patience = {.tv_sec = 5};
        getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        int connection = socket(at->ai_family, at->ai_socktype, 0);
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        error = connect(connection, at->ai_addr, at->ai_addrlen) ? errno : 0;
        printf("%s: %s\n", text, error ? strerror(error) : "connected");
        close(connection);
    }
    freeaddrinfo(list);
    return 0;
}
